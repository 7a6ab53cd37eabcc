"""Caltech-UCSD Birds-200-2011 (Wah et al. 2011): 11,788 photographs of 200 kinds of birds, official split."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.images import Box, encoded_images
from phasekey.training.data.lazy import settle
from phasekey.training.data.published.text import lines_of
from phasekey.training.data.store import Store, open_store, read
from phasekey.training.errors import TrainingError

IMAGES, LABELS, SPLIT, BOXES, CLASSES = LISTS = (
    "images.txt", "image_class_labels.txt", "train_test_split.txt", "bounding_boxes.txt", "classes.txt"
)  # fmt: skip
PATTERNS = tuple(f"{prefix}{name}" for prefix in ("", "*/") for name in (*LISTS, "images/*/*"))
WHERE = (
    "download CUB_200_2011.tgz from https://www.vision.caltech.edu/datasets/cub_200_2011/ and give its path, "
    "or that of the folder unpacked from it"
)
DEFAULT_SIZE = 224  # pixels per side, as VGG-16 takes them

Table = dict[int, str]  # what follows the number on each line of a list


def load_cub200(
    path: Path, image_size: int | None = None, *, boxes: bool = False, progress: bool = False
) -> ImageDataset:
    """CUB-200-2011 from its archive or folder, scaled to image_size (224) pixels per side.

    boxes: take what is inside each bird's published bounding box, not the whole photograph.
    Raises TrainingError, naming the file, where one is missing, damaged, cut short or fits no other.
    """
    store = open_store(path, PATTERNS, _wanted, progress=progress)
    root = _root(path, store)
    files, labels, in_train = (_table(store, root, name) for name in (IMAGES, LABELS, SPLIT))
    classes = _table(store, root, CLASSES)
    for name, table in ((LABELS, labels), (SPLIT, in_train)):
        _require_same_images(name, table, files)
    if not set(in_train.values()) <= {"0", "1"}:
        raise _damaged(SPLIT, "expected 1 (training) or 0 (test) for each image")
    _require_files(store, root, files)
    rectangles = _boxes(store, root, files) if boxes else {}
    order = {number: row for row, number in enumerate(sorted(classes))}
    size = image_size or DEFAULT_SIZE

    def split(flag: str, word: str) -> Split:
        chosen = [number for number in sorted(files) if in_train[number] == flag]
        images = encoded_images(
            store,
            [f"{root}images/{files[number]}" for number in chosen],
            (size, size, 3),
            size=size,
            boxes=[rectangles[number] for number in chosen] if boxes else None,
        )
        targets = np.array([order[_class(labels[number], order)] for number in chosen], np.int64)
        return Split(settle(images, f"decoding {word}", progress=progress), targets)

    names = tuple(_spoken(classes[number]) for number in order)
    name = "cub200-boxes" if boxes else "cub200"
    return ImageDataset(name, names, split("1", "train"), split("0", "test"), "resized-crop-flip")


def _wanted(name: PurePosixPath) -> bool:
    return name.name in LISTS or (name.suffix.lower() == ".jpg" and name.parts[-3:-2] == ("images",))


def _root(path: Path, store: Store) -> str:
    """What stands before the names of the lists: nothing, or a folder with a slash."""
    for name in store.names:
        if PurePosixPath(name).name == IMAGES:
            return name.removesuffix(IMAGES)
    raise TrainingError(f"no {IMAGES} in {str(path)!r}: {WHERE}")


def _table(store: Store, root: str, name: str) -> Table:
    """A list of lines `<number> <rest>`; numbers count from 1."""
    if f"{root}{name}" not in store.names:
        raise TrainingError(f"no {name} beside {IMAGES}: {WHERE}")
    table = {}
    for place, line in enumerate(lines_of(read(store, f"{root}{name}"), name), 1):
        number, _, rest = line.partition(" ")
        if not number.isdigit() or not rest.strip():
            raise _damaged(name, f"line {place} is not `NUMBER VALUE`")
        table[int(number)] = rest.strip()
    return table


def _require_same_images(name: str, table: Table, files: Table) -> None:
    if table.keys() != files.keys():
        odd = min(table.keys() ^ files.keys())
        raise _damaged(name, f"image {odd} is in one of it and {IMAGES} only")


def _require_files(store: Store, root: str, files: Table) -> None:
    there = set(store.names)
    missing = [name for name in files.values() if f"{root}images/{name}" not in there]
    if missing:
        raise TrainingError(
            f"{len(missing):,} of the photographs in {IMAGES} are missing, the first of them "
            f"'images/{missing[0]}'; {WHERE}"
        )


def _boxes(store: Store, root: str, files: Table) -> dict[int, Box]:
    table = _table(store, root, BOXES)
    _require_same_images(BOXES, table, files)
    return {number: _box(number, text) for number, text in table.items()}


def _box(number: int, text: str) -> Box:
    try:
        left, upper, width, height = (float(value) for value in text.split())
    except ValueError as error:
        raise _damaged(BOXES, f"the box of image {number} is not four numbers") from error
    return left, upper, left + width, upper + height


def _class(text: str, order: Mapping[int, int]) -> int:
    if not text.isdigit() or int(text) not in order:
        raise _damaged(LABELS, f"there is no class {text!r} in {CLASSES}")
    return int(text)


def _spoken(name: str) -> str:
    """`001.Black_footed_Albatross` -> `Black footed Albatross`."""
    return name.partition(".")[2].replace("_", " ") or name


def _damaged(name: str, reason: str) -> TrainingError:
    return TrainingError(f"{name} is cut short or damaged: {reason}; {WHERE}")
