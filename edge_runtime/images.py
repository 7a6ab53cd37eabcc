"""From what people have (arrays, tensors, files, bytes, PIL images) to the array that the encoder takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edge_runtime.arrays import array_like, batch_of, to_array
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.files import is_encoded, is_picture, pixels_of
from phasekey.bundle import ImageSpec

if TYPE_CHECKING:
    from PIL import Image

Array = np.ndarray[Any, np.dtype[Any]]
OneImage: TypeAlias = (
    "Array | str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image"
)
Images: TypeAlias = "OneImage | Sequence[OneImage]"  # or what numpy reads by DLPack or __array__

_KINDS = "a numpy array, a tensor, a path, an open file, bytes of a file or a PIL image"


def load_images(source: Images, spec: ImageSpec, *, resize: bool = False) -> Array:
    """Turn images of any supported kind into one batch, checked against what the encoder takes.

    Args:
        source: an array (N, H, W, C) or (H, W, C), for grey images (N, H, W) or (H, W) as well, or anything
            that numpy takes by DLPack or ``__array__`` without its library being imported here, such as a
            torch tensor on the CPU; or a path, a binary file object, the bytes of a file, a PIL image; or a
            sequence of single images of these kinds.
        spec: size, channels and element type; float32 pixels lie in [0, 1].
        resize: scale to the right size (bilinear), instead of refusing what has another.

    Returns:
        (N, H, W, C) of the spec's element type, N at least 1.

    Raises:
        EdgeRuntimeError: wrong size, channels, element type or range, NaN, no image at all, a file that is
            missing or broken (named), or one that takes Pillow where Pillow is not installed.
    """
    if isinstance(source, np.ndarray) or (array_like(source) and not is_picture(source)):
        return batch_of(to_array(source), spec, resize)
    if is_encoded(source) or is_picture(source):
        return _load_one(source, spec, resize)[None]
    if hasattr(source, "__next__"):
        raise EdgeRuntimeError("This is a generator of images: give it to predict_stream, or list(…) of it.")
    if not isinstance(source, Sequence):
        raise EdgeRuntimeError(
            f"An image must be {_KINDS}, or a list of these, not a {type(source).__name__}."
        )
    if not source:
        raise EdgeRuntimeError("There are no images in the list; at least one is needed.")
    batch: Array = np.stack([_load_numbered(*pair, spec, resize) for pair in enumerate(source)])
    return batch


def _load_numbered(number: int, item: Any, spec: ImageSpec, resize: bool) -> Array:
    if isinstance(item, str | os.PathLike):
        return _load_one(item, spec, resize)  # its errors name the file
    try:
        return _load_one(item, spec, resize)
    except EdgeRuntimeError as error:
        raise EdgeRuntimeError(f"Image {number} of the list: {error}") from error


def _load_one(item: Any, spec: ImageSpec, resize: bool) -> Array:
    if is_picture(item) or is_encoded(item):
        return pixels_of(item, spec, resize)
    if array_like(item):
        batch = batch_of(to_array(item), spec, resize)
        if len(batch) != 1:
            raise EdgeRuntimeError(
                f"A list takes single images, this is an array of {len(batch)}. Give one array of them all."
            )
        single: Array = batch[0]
        return single
    raise EdgeRuntimeError(f"expected {_KINDS}, not a {type(item).__name__}.")
