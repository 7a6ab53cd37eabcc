"""Reading image files and PIL images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from edge_runtime.errors import EdgeRuntimeError
from phasekey.bundle import ImageSpec

Array = np.ndarray[Any, np.dtype[Any]]

_MODES = {1: "L", 3: "RGB"}
_DEEP = ("I", "F")  # more than 8 bits: PIL would clip these and not scale them


def pixels_of(source: Path | Image.Image, name: str, spec: ImageSpec, resize: bool) -> Array:
    """Read one image as (H, W, C), in the spec's colours and element type.

    Colours are converted (grey or RGB, transparency dropped) and the camera's orientation tag is applied.

    Args:
        source: a file or a PIL image.
        name: what to call it in an error.
        spec: what the encoder takes.
        resize: scale to the right size (bilinear) rather than refuse.

    Raises:
        EdgeRuntimeError: missing, broken, of more than 8 bits, or of another size while resize is False.
    """
    upright = _open(source, name) if isinstance(source, Path) else _decode(source, name)
    if upright.mode.startswith(_DEEP):
        raise EdgeRuntimeError(f"{name} has more than 8 bits for each pixel; convert it to 8 bits first.")
    image = upright.convert(_MODES[spec.channels])
    if image.size != (spec.width, spec.height):
        if not resize:
            raise EdgeRuntimeError(
                f"{name} is {image.width}×{image.height} pixels (width × height), the encoder takes "
                f"{spec.width}×{spec.height}. Scale it, or ask for it with resize (--resize)."
            )
        image = image.resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image).reshape(spec.height, spec.width, spec.channels)
    return pixels if spec.dtype == "uint8" else pixels.astype(np.float32) / np.float32(255)


def _open(path: Path, name: str) -> Image.Image:
    if not path.is_file():
        problem = "is a folder; give the files in it" if path.is_dir() else "does not exist; check the path"
        raise EdgeRuntimeError(f"{name} {problem}.")
    try:
        with Image.open(path) as image:
            return _decode(image, name)
    except EdgeRuntimeError:
        raise
    except Image.DecompressionBombError as error:
        raise EdgeRuntimeError(f"{name} has too many pixels to be read safely; scale it first.") from error
    except Exception as error:  # PIL's decoders raise many classes on damaged files
        raise _broken(name) from error


def _decode(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except Exception as error:  # see _open
        raise _broken(name) from error


def _broken(name: str) -> EdgeRuntimeError:
    return EdgeRuntimeError(f"{name} is not an image that can be read: it is damaged, cut short or unknown.")
