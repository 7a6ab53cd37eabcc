"""From what people have (arrays, files, PIL images) to the array that the encoder takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.files import pixels_of
from phasekey.bundle import ImageSpec, format_shape

Array = np.ndarray[Any, np.dtype[Any]]
OneImage = Array | str | os.PathLike[str] | Image.Image
Images = OneImage | Sequence[OneImage]


def load_images(source: Images, spec: ImageSpec, *, resize: bool = False) -> Array:
    """Turn images of any supported kind into one batch, checked against what the encoder takes.

    Args:
        source: an array (N, H, W, C) or (H, W, C), for grey images (N, H, W) or (H, W) as well; or a path;
            or a PIL image; or a sequence of single images of these kinds.
        spec: size, channels and element type; float32 pixels lie in [0, 1].
        resize: scale files and PIL images to the right size (bilinear). Arrays must have it already.

    Returns:
        (N, H, W, C) of the spec's element type, N at least 1.

    Raises:
        EdgeRuntimeError: wrong size, channels, element type or range, NaN, no image at all, or a file that
            is missing or broken (named).
    """
    if isinstance(source, np.ndarray):
        return _check_values(_as_batch(source, spec), spec)
    if isinstance(source, str | os.PathLike | Image.Image):
        return _load_one(source, spec, resize)[None]
    if not isinstance(source, Sequence) or isinstance(source, bytes | bytearray | memoryview):
        raise EdgeRuntimeError(
            f"An image must be a numpy array, a path or a PIL image, or a list of these, not a "
            f"{type(source).__name__}."
        )
    if not source:
        raise EdgeRuntimeError("There are no images in the list; at least one is needed.")
    batch: Array = np.stack([_load_numbered(*pair, spec, resize) for pair in enumerate(source)])
    return batch


def _load_numbered(number: int, item: OneImage, spec: ImageSpec, resize: bool) -> Array:
    if isinstance(item, str | os.PathLike):
        return _load_one(item, spec, resize)  # its errors name the file
    try:
        return _load_one(item, spec, resize)
    except EdgeRuntimeError as error:
        raise EdgeRuntimeError(f"Image {number} of the list: {error}") from error


def _load_one(item: OneImage, spec: ImageSpec, resize: bool) -> Array:
    if isinstance(item, np.ndarray):
        batch = _check_values(_as_batch(item, spec), spec)
        if len(batch) != 1:
            raise EdgeRuntimeError(
                f"A list takes single images, this is an array of {len(batch)}. Give one array of them all."
            )
        single: Array = batch[0]
        return single
    if isinstance(item, Image.Image):
        return pixels_of(item, "The PIL image", spec, resize)
    if isinstance(item, str | os.PathLike):
        return pixels_of(Path(item), str(item), spec, resize)
    raise EdgeRuntimeError(f"expected an array, a path or a PIL image, not a {type(item).__name__}.")


def _as_batch(array: Array, spec: ImageSpec) -> Array:
    if array.ndim > 0 and array.size == 0:
        raise EdgeRuntimeError(f"There are no images in an array of shape {format_shape(array.shape)}.")
    size = (spec.height, spec.width, spec.channels)
    readings = {(len(array), *size), size} if array.ndim in (3, 4) else set()
    if spec.channels == 1 and array.ndim in (2, 3):
        readings |= {(len(array), *size[:2]), size[:2]}
    fitting = [shape for shape in readings if shape == array.shape]
    if not fitting:
        raise EdgeRuntimeError(
            f"Expected images of shape {format_shape((None, *size))} or {format_shape(size)} (height, width, "
            f"channels), got {format_shape(array.shape)}."
        )
    return array.reshape(-1, *size)


def _check_values(images: Array, spec: ImageSpec) -> Array:
    if spec.dtype == "uint8":
        if images.dtype != np.uint8:
            raise EdgeRuntimeError(
                f"Expected uint8 pixels (0 to 255), got {images.dtype}. This bundle was exported for uint8: "
                "convert with (255 * images).round().astype('uint8') if yours lie in [0, 1]."
            )
        return images
    if images.dtype.kind != "f":
        raise EdgeRuntimeError(
            f"Expected float32 pixels (0 to 1), got {images.dtype}: divide by 255 and convert to float32."
        )
    if not np.isfinite(images).all():
        raise EdgeRuntimeError("The images hold NaN or infinity; pixels must be finite and in [0, 1].")
    if images.min() < 0 or images.max() > 1:
        raise EdgeRuntimeError("The images hold values outside [0, 1]; divide by 255 if they are 0 to 255.")
    return images.astype(np.float32)
