"""CelebA (Liu et al. 2015), aligned and cropped: 202,599 faces with 40 attributes, in the official split.

As in section 5 of Xiang et al., 30 attributes are the task and 10 are to stay hidden. The paper doesn't say
which 10. Ours are those that tell what a person is like rather than what they wear or do: sex, age, build
and skin, which nobody changes for a picture, and from which others guess at health and origin.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.images import encoded_images
from phasekey.training.data.lazy import settle
from phasekey.training.data.published.text import read_lines
from phasekey.training.data.store import Store, open_store
from phasekey.training.errors import TrainingError

HIDDEN = (
    "Attractive", "Bald", "Big_Nose", "Chubby", "Double_Chin",
    "Gray_Hair", "Male", "Narrow_Eyes", "Pale_Skin", "Young",
)  # fmt: skip
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
IMAGES = ("img_align_celeba", "img_align_celeba.zip")
FOLDERS = ("", "Anno", "Eval", "Img")  # flat, or as on the official page
WHERE = (
    f"from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html put {ATTRIBUTES} (Anno), {PARTITION} (Eval) and "
    f"{IMAGES[1]} (Img, Align&Cropped Images; packed or unpacked) into one folder and give its path"
)
TRAIN, TEST = 0, 2  # 1 is for validation, which nothing here is tuned on
DEFAULT_SIZE = 224  # pixels per side, as AlexNet takes them; the files are 178×218

Table = dict[str, NDArray[np.int64]]  # by the image's name


def load_celeba(path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """CelebA from a folder with its images and two lists, scaled to image_size (224) pixels per side.

    Labels int64 (N, 30), hidden int64 (N, 10), both 0 or 1. Faces are aligned, so augmentation shifts
    and mirrors them and no more.
    Raises TrainingError, naming the file, where one is missing, damaged, cut short or fits no other.
    """
    names, attributes = _attributes(_find(path, ATTRIBUTES))
    partition = _table(_find(path, PARTITION), PARTITION, 1)
    if partition.keys() != attributes.keys():
        odd = min(partition.keys() ^ attributes.keys())
        raise TrainingError(f"{odd!r} is in one of {ATTRIBUTES} and {PARTITION} only; {WHERE}")
    store = open_store(
        _find(path, *IMAGES), ("*.jpg",), lambda name: name.suffix == ".jpg", progress=progress
    )
    files = _files(store, partition)
    size = image_size or DEFAULT_SIZE
    hidden = np.isin(names, HIDDEN)

    def split(number: int, word: str) -> Split:
        chosen = sorted(name for name, (part,) in partition.items() if part == number)
        images = encoded_images(store, [files[name] for name in chosen], (size, size, 3), size=size)
        values = np.array([attributes[name] for name in chosen], np.int64).reshape(-1, len(names))
        settled = settle(images, f"decoding {word}", progress=progress)
        return Split(settled, values[:, ~hidden], values[:, hidden])

    classes, secret = (tuple(np.array(names)[which].tolist()) for which in (~hidden, hidden))
    return ImageDataset("celeba", classes, split(TRAIN, "train"), split(TEST, "test"), "crop-flip", secret)


def _find(path: Path, *names: str) -> Path:
    for folder in FOLDERS:
        for name in names:
            if (path / folder / name).exists():
                return path / folder / name
    raise TrainingError(f"no {' or '.join(names)} in {str(path)!r}: {WHERE}")


def _attributes(path: Path) -> tuple[tuple[str, ...], Table]:
    """Names of the attributes and their values, 0 or 1: one line of count, one of names, one per image."""
    first, second, *_ = (*read_lines(path), "", "")
    names = tuple(second.split())
    if not set(HIDDEN) < set(names) or not first.strip().isdigit():
        raise TrainingError(
            f"{ATTRIBUTES} does not begin with the number of images and a line of attributes; {WHERE}"
        )
    table = _table(path, ATTRIBUTES, len(names), skip=2)
    if len(table) != int(first):
        raise TrainingError(
            f"{ATTRIBUTES} is cut short or damaged: it says {int(first):,} images and lists {len(table):,}; "
            "download it again"
        )
    for name, values in table.items():
        if (np.abs(values) != 1).any():
            raise TrainingError(f"{ATTRIBUTES} is damaged: expected 1 or -1 throughout, not so for {name!r}")
    return names, {name: (values + 1) // 2 for name, values in table.items()}


def _table(path: Path, title: str, columns: int, skip: int = 0) -> Table:
    table = {}
    for number, line in enumerate(read_lines(path)[skip:], skip + 1):
        name, *values = line.split() or [""]
        try:
            table[name] = np.array(values, np.int64).reshape(columns)
        except ValueError as error:
            raise TrainingError(
                f"{title} is cut short or damaged in line {number}: expected a name and {columns} whole "
                "numbers; download it again"
            ) from error
    return table


def _files(store: Store, partition: Table) -> dict[str, str]:
    """An image's name in the lists -> its name in the folder or archive."""
    files = {name.rpartition("/")[2]: name for name in store.names}
    missing = sorted(partition.keys() - files.keys())
    if missing:
        raise TrainingError(
            f"{len(missing):,} images of {PARTITION} are missing, the first of them {missing[0]!r}; {WHERE}"
        )
    return files
