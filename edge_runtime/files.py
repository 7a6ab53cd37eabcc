"""Reading image files and PIL images, where Pillow is installed: it is imported when the first one comes."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.errors import EdgeRuntimeError
from phasekey.bundle import ImageSpec

if TYPE_CHECKING:
    from PIL import Image

Array = np.ndarray[Any, np.dtype[Any]]

_MODES = {1: "L", 3: "RGB"}
_DEEP = ("I", "F")  # more than 8 bits: PIL would clip these and not scale them
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # one slash: a Path keeps no second one


def is_picture(item: object) -> bool:
    """Whether this is a PIL image: asked without importing Pillow, which whoever made it has imported."""
    kind = getattr(sys.modules.get("PIL.Image"), "Image", None)  # None too while a thread imports it just now
    return kind is not None and isinstance(item, kind)


def is_encoded(item: object) -> bool:
    """Whether this is an image file in one form or another: a path, bytes, or an open file."""
    return isinstance(item, str | os.PathLike | bytes | bytearray | memoryview) or callable(
        getattr(item, "read", None)
    )


def pixels_of(source: Any, spec: ImageSpec, resize: bool) -> Array:
    """Read one image as (H, W, C), in the spec's colours and element type.

    Colours are converted (grey or RGB, transparency dropped) and the camera's orientation tag is applied.

    Args:
        source: a path, a binary file object, bytes of a file, or a PIL image.
        spec: what the encoder takes.
        resize: scale to the right size (bilinear) rather than refuse.

    Raises:
        EdgeRuntimeError: missing, broken, of more than 8 bits, of another size while resize is False; or
            Pillow is not installed.
    """
    _pillow()
    name = _name(source)
    upright = _decode(source, name) if is_picture(source) else _open(_file(source, name), name)
    if upright.mode.startswith(_DEEP):
        raise EdgeRuntimeError(f"{name} has more than 8 bits for each pixel; convert it to 8 bits first.")
    image = upright.convert(_MODES[spec.channels])
    if image.size != (spec.width, spec.height):
        if not resize:
            raise EdgeRuntimeError(
                f"{name} is {image.width}×{image.height} pixels (width × height), the encoder takes "
                f"{spec.width}×{spec.height}. Scale it, or ask for it with resize (--resize)."
            )
        image = image.resize((spec.width, spec.height), _pillow().Resampling.BILINEAR)
    pixels = np.asarray(image).reshape(spec.height, spec.width, spec.channels)
    return pixels if spec.dtype == "uint8" else pixels.astype(np.float32) / np.float32(255)


def scale_planes(image: Array, spec: ImageSpec) -> Array:
    """Scale pixels (H, W, C) of the spec's element type, each channel by itself, as ``pixels_of`` does.

    Raises:
        EdgeRuntimeError: Pillow is not installed.
    """
    pillow, size = _pillow(), (spec.width, spec.height)
    planes = [
        np.asarray(pillow.fromarray(np.ascontiguousarray(plane)).resize(size, pillow.Resampling.BILINEAR))
        for plane in np.moveaxis(image.astype(spec.dtype, copy=False), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise EdgeRuntimeError(
            "Image files and scaling need Pillow, which is not installed: pip install 'phasekey[images]'. "
            "Arrays of the encoder's size work without it."
        ) from error
    return Image


def _name(source: Any) -> str:
    """What to call an image in an error."""
    if is_picture(source):
        return "The PIL image"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "")) or "The image file"


def _file(source: Any, name: str) -> Any:
    """What Pillow opens: a path that is there, or a file object."""
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        return source
    path = Path(source)
    if not path.is_file():
        if _URL.match(name):
            raise EdgeRuntimeError(
                f"{name} is a URL; download the image first and give its path or its bytes."
            )
        problem = "is a folder; give the files in it" if path.is_dir() else "does not exist; check the path"
        raise EdgeRuntimeError(f"{name} {problem}.")
    return path


def _open(file: Any, name: str) -> Image.Image:
    pillow = _pillow()
    try:
        with pillow.open(file) as image:
            return _decode(image, name)
    except EdgeRuntimeError:
        raise
    except pillow.DecompressionBombError as error:
        raise EdgeRuntimeError(f"{name} has too many pixels to be read safely; scale it first.") from error
    except Exception as error:  # PIL's decoders raise many classes on damaged files
        raise _broken(name) from error


def _decode(image: Image.Image, name: str) -> Image.Image:
    from PIL import ImageOps

    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except Exception as error:  # see _open
        raise _broken(name) from error


def _broken(name: str) -> EdgeRuntimeError:
    return EdgeRuntimeError(f"{name} is not an image that can be read: it is damaged, cut short or unknown.")
