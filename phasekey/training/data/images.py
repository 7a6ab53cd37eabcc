"""One image file to pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from phasekey.training.errors import TrainingError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
# Pillow also opens formats that start other programs (EPS); only these are images here.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
GREY_MODES = frozenset({"1", "L", "LA"})


def decode_image(content: bytes, name: str, size: int | None = None) -> NDArray[np.uint8]:
    """The bytes of an image file -> (H, W, C) uint8; C = 1 for grey images, 3 (RGB) for all others.

    size: resize to this many pixels per side. Raises TrainingError, naming the file, if it is broken.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = image.convert("L" if image.mode in GREY_MODES else "RGB")
    # Pillow raises many kinds for a broken file: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise TrainingError(
            f"cannot read the image {name!r}: broken, cut short or no image; replace or remove it"
        ) from error
    if size is not None:
        pixels = pixels.resize((size, size), Image.Resampling.BICUBIC)
    array = np.asarray(pixels)
    return array[..., None] if array.ndim == 2 else array
