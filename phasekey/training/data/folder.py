"""Image folders: `[prefix/]train/<class>/<image>` and `[prefix/]test/<class>/<image>`, or an archive."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.images import SUFFIXES, encoded_images
from phasekey.training.data.lazy import settle
from phasekey.training.data.shapes import common_shape
from phasekey.training.data.store import open_store
from phasekey.training.errors import TrainingError

SPLITS = ("train", "test")
PATTERNS = tuple(f"{prefix}{split}/*/*" for prefix in ("", "*/") for split in SPLITS)
LAYOUT = "expected train/CLASS/IMAGE and test/CLASS/IMAGE"


@dataclass(frozen=True)
class _Sample:
    """One image of the layout; `name` is its path, which also gives the order."""

    name: str
    prefix: str
    split: str
    label: str


def load_folder(path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """Read an image folder or a tar or zip archive of one.

    A split that is small (lazy.IN_MEMORY) comes into memory; of a larger one, images are decoded when
    asked for. The order is that of the paths, so a folder and its archive give the same data set.
    Files that start with a dot or have no image suffix are passed over.
    Raises TrainingError, naming the thing, for a missing split, one class only, class lists that
    differ, a broken image, no images, or mixed sizes where image_size (pixels per side) is not given.
    """
    store = open_store(path, PATTERNS, lambda name: _place(name) is not None, progress=progress)
    places = ((name, _place(PurePosixPath(name))) for name in sorted(store.names))
    samples = [_Sample(name, *place) for name, place in places if place is not None]
    _require_one_layout(path, samples)
    classes = _classes(path, samples)
    index = {label: number for number, label in enumerate(classes)}
    shape = common_shape(store, [sample.name for sample in samples], str(path), image_size, progress=progress)

    def read_split(name: str) -> Split:
        chosen = [sample for sample in samples if sample.split == name]
        images = encoded_images(store, [sample.name for sample in chosen], shape, size=image_size)
        labels = np.array([index[sample.label] for sample in chosen], np.int64)
        return Split(settle(images, f"decoding {name}", progress=progress), labels)

    train, test = map(read_split, SPLITS)
    return ImageDataset(_name(path), classes, train, test, "crop-flip" if shape[-1] == 3 else "shift")


def _name(path: Path) -> str:
    return path.resolve().name.split(".tar")[0].removesuffix(".zip")


def _place(name: PurePosixPath) -> tuple[str, str, str] | None:
    """(prefix, split, class) of a path in the layout, or None for anything else."""
    if len(name.parts) < 3 or name.suffix.lower() not in SUFFIXES:
        return None
    *prefix, split, label, _ = name.parts
    if split not in SPLITS or any(part.startswith(".") for part in name.parts):
        return None
    return "/".join(prefix), split, label


def _require_one_layout(path: Path, samples: list[_Sample]) -> None:
    if not samples:
        raise TrainingError(
            f"no images in {str(path)!r}: {LAYOUT} with suffixes {', '.join(sorted(SUFFIXES))}"
        )
    prefixes = sorted({sample.prefix for sample in samples})
    if len(prefixes) > 1:
        raise TrainingError(
            f"{str(path)!r} holds more than one data set, in {prefixes[0] or '.'!r} and {prefixes[1]!r}; "
            "give one"
        )
    for split in SPLITS:
        if all(sample.split != split for sample in samples):
            raise TrainingError(f"no images under {split}/ in {str(path)!r}: {LAYOUT}")


def _classes(path: Path, samples: list[_Sample]) -> tuple[str, ...]:
    train, test = ({s.label for s in samples if s.split == split} for split in SPLITS)
    if train != test:
        differing = ", ".join(
            f"{label!r} only in {'train' if label in train else 'test'}/"
            for label in sorted(train ^ test)[:5]
        )
        raise TrainingError(f"the classes of {str(path)!r} differ between train/ and test/: {differing}")
    return tuple(sorted(train))
