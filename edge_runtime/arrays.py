"""Arrays of pixels, whoever made them: checked, and scaled where that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.files import scale_planes
from phasekey.bundle import ImageSpec, format_shape

Array = np.ndarray[Any, np.dtype[Any]]


def array_like(item: object) -> bool:
    """Whether numpy can take this as an array: one of its own, or by DLPack or ``__array__``."""
    if isinstance(item, bytes | bytearray | memoryview | str | np.generic):
        return False
    return isinstance(item, np.ndarray) or hasattr(item, "__dlpack__") or hasattr(item, "__array__")


def to_array(item: Any) -> Array:
    """Take an array or tensor as numpy's, without a copy where it lies in this machine's memory.

    Raises:
        EdgeRuntimeError: it lies on a GPU, needs a gradient, or has an element type that numpy lacks.
    """
    if isinstance(item, np.ndarray):
        return item
    for read in (np.from_dlpack, np.asarray):
        try:
            array: Array = read(item)
        except Exception:  # noqa: S112 - each library has classes of its own; what is left is said below
            continue
        if array.dtype != object:
            return array
    raise EdgeRuntimeError(
        f"This {type(item).__name__} cannot be read as a numpy array: give one in the CPU's memory, without "
        "a gradient, of uint8 or float32 (of torch: tensor.detach().cpu())."
    )


def batch_of(array: Array, spec: ImageSpec, resize: bool) -> Array:
    """Check an array and shape it as a batch, (N, H, W, C) in the spec's element type.

    Args:
        array: (N, H, W, C) or (H, W, C), for grey images (N, H, W) or (H, W) as well.
        spec: what the encoder takes.
        resize: scale images of another size (bilinear) rather than refuse them.

    Raises:
        EdgeRuntimeError: another shape, element type or range, or NaN.
    """
    if array.ndim > 0 and array.size == 0:
        raise EdgeRuntimeError(f"There are no images in an array of shape {format_shape(array.shape)}.")
    if resize:
        array = _scaled(array, spec)
    return _check_values(_as_batch(array, spec), spec)


def _as_batch(array: Array, spec: ImageSpec) -> Array:
    size, shape = (spec.height, spec.width, spec.channels), array.shape
    fits = shape[-3:] == size and array.ndim in (3, 4)
    grey = spec.channels == 1 and shape[-2:] == size[:2] and array.ndim in (2, 3)
    if not fits and not grey:
        raise EdgeRuntimeError(
            f"Expected images of shape {format_shape((None, *size))} or {format_shape(size)} (height, width, "
            f"channels), got {format_shape(array.shape)}."
        )
    return array.reshape(-1, *size)


def _scaled(array: Array, spec: ImageSpec) -> Array:
    """Scale each image of an array whose layout is clear; any other is left to be refused as it is."""
    grey = spec.channels == 1 and (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] != 1))
    images = array[..., None] if grey else array
    if images.ndim == 3:
        images = images[None]
    if images.ndim != 4 or images.shape[-1] != spec.channels:
        return array
    if images.shape[1:3] == (spec.height, spec.width):
        return array
    _check_values(images, spec)
    return np.stack([scale_planes(image, spec) for image in images])


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
