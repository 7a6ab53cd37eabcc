"""Image folders: `[prefix/]train/<class>/<image>` and `[prefix/]test/<class>/<image>`, or a tar of one."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.files import files_of
from phasekey.training.data.images import SUFFIXES, decode_image
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
    pixels: NDArray[np.uint8]


def load_folder(path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """Read an image folder or a tar archive of one, whole, into memory.

    The order is that of the paths, so a folder and its archive give the same data set. Files that
    start with a dot or have no image suffix are passed over.
    Raises TrainingError, naming the thing, for a missing split, one class only, class lists that
    differ, a broken image, no images, or mixed sizes where image_size (pixels per side) is not given.
    """
    samples = sorted(_read(path, image_size, progress), key=lambda sample: sample.name)
    _require_one_layout(path, samples)
    _require_one_size(path, samples)
    classes = _classes(path, samples)
    channels = max(sample.pixels.shape[-1] for sample in samples)
    train, test = (_split([s for s in samples if s.split == split], classes, channels) for split in SPLITS)
    return ImageDataset(_name(path), classes, train, test, "crop-flip" if channels == 3 else "shift")


def _name(path: Path) -> str:
    return path.resolve().name.split(".tar")[0]


def _read(path: Path, image_size: int | None, progress: bool) -> list[_Sample]:
    samples = []
    for name, content in files_of(path, PATTERNS, progress=progress):
        place = _place(name)
        if place is not None:
            samples.append(_Sample(str(name), *place, decode_image(content, str(name), image_size)))
    return samples


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


def _split(samples: list[_Sample], classes: tuple[str, ...], channels: int) -> Split:
    index = {label: number for number, label in enumerate(classes)}
    images = np.empty((len(samples), *samples[0].pixels.shape[:2], channels), np.uint8)
    for row, sample in zip(images, samples, strict=True):
        row[...] = sample.pixels  # a grey image among colours is repeated over the channels
    return Split(images, np.array([index[sample.label] for sample in samples], np.int64))


def _require_one_size(path: Path, samples: list[_Sample]) -> None:
    sizes = Counter(sample.pixels.shape[:2] for sample in samples)
    if len(sizes) > 1:
        (usual, _), *_ = sizes.most_common(1)
        odd = next(sample for sample in samples if sample.pixels.shape[:2] != usual)
        raise TrainingError(
            f"the images of {str(path)!r} differ in size: {odd.name!r} is {_words(odd.pixels.shape)}, "
            f"most are {_words(usual)}; give one size with --image-size"
        )


def _words(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
