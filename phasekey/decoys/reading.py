"""Images for an archive: of a folder, of folders of frames, or of a data set by its words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import load_images
from phasekey.bundle import ImageSpec, edge_of, load_manifest
from phasekey.command import require_extra
from sdk import StoreError

Pixels = npt.NDArray[np.uint8]
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def spec_of_bundle(bundle: Path) -> ImageSpec:
    """What the bundle's encoder takes; archives hold uint8 whatever the encoder's own type is."""
    image = load_manifest(edge_of(bundle)).image
    return ImageSpec(image.height, image.width, image.channels, "uint8")


def components_of_bundle(bundle: Path | None) -> int | None:
    """k of the bundle; None without one."""
    return None if bundle is None else load_manifest(edge_of(bundle)).secret.components


def spec_of_file(path: Path) -> ImageSpec:
    """The size and colours of an image file.

    Raises:
        StoreError: it cannot be read.
    """
    require_extra("images", "Reading image files", ["PIL"])
    from PIL import Image

    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L", "LA")
            return ImageSpec(image.height, image.width, 1 if grey else 3, "uint8")
    except OSError as error:
        raise StoreError(f"{path} is not an image that can be read; take it out of the folder.") from error


def image_files(folder: Path) -> list[Path]:
    """All image files under a folder, sorted.

    Raises:
        StoreError: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise StoreError(f"{folder} holds no image files ({', '.join(sorted(SUFFIXES))}).")
    return found


def bursts(folder: Path) -> list[list[Path]]:
    """The frames of each folder under a folder, sorted by name.

    Raises:
        StoreError: there is none.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in image_files(folder):
        by_folder.setdefault(path.parent, []).append(path)
    return list(by_folder.values())


def read(paths: list[Path], spec: ImageSpec, *, resize: bool) -> list[Pixels]:
    """Read image files as (H, W, C) uint8.

    Raises:
        EdgeRuntimeError: a file that cannot be read, or of another size while resize is False.
    """
    images: list[Pixels] = list(load_images(list(paths), spec, resize=resize))
    return images


def data_set(words: str, spec: ImageSpec | None, split: str) -> Iterator[Pixels]:
    """The images of a data set, in the words of `phasekey train --data`.

    Raises:
        StoreError: its images are of another size than the encoder takes.
        TrainingError: there is no such data.
    """
    require_extra("train", "reading data sets", ("torch", "sklearn"))
    from phasekey.training.data.registry import load_dataset

    side = spec.height if spec is not None and spec.height == spec.width else None
    images: Any = getattr(load_dataset(words, side, progress=True), split).images
    for at in range(len(images)):
        pixels = np.asarray(images[at : at + 1])[0]
        wanted = None if spec is None else (spec.height, spec.width, spec.channels)
        if wanted not in (None, pixels.shape):
            raise StoreError(
                f"The images of {words} are {' × '.join(map(str, pixels.shape))} (height, width, channels), "
                f"the encoder takes {' × '.join(map(str, wanted or ()))}."
            )
        yield pixels
