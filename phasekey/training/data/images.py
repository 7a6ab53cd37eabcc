"""Image files to pixels."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from phasekey.training.data.lazy import Images, LazyImages, settle
from phasekey.training.data.store import Store, read
from phasekey.training.errors import TrainingError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
# Pillow also opens formats that start other programs (EPS); only these are images here.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
GREY_MODES = frozenset({"1", "L", "LA"})


Box = tuple[float, float, float, float]  # left, upper, right, lower, in pixels


def decode_image(
    content: bytes, name: str, size: int | None = None, box: Box | None = None
) -> NDArray[np.uint8]:
    """The bytes of an image file -> (H, W, C) uint8; C = 1 for grey images, 3 (RGB) for all others.

    size: resize to this many pixels per side, bicubic. box: with a size, the part of the image to take.
    Raises TrainingError, naming the file, if it is broken.
    """
    with _opened(io.BytesIO(content), name) as image:
        pixels = image.convert("L" if image.mode in GREY_MODES else "RGB")
    if size is None:
        return _array(pixels)
    return _array(pixels.resize((size, size), Image.Resampling.BICUBIC, box and _inside(box, pixels, name)))


def _inside(box: Box, image: Image.Image, name: str) -> Box:
    left, upper, right, lower = box
    clipped = max(left, 0), max(upper, 0), min(right, image.width), min(lower, image.height)
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        raise TrainingError(f"the box {box} holds nothing of the image {name!r}: check its list of boxes")
    return clipped


def image_shape(file: IO[bytes], name: str) -> tuple[int, int, int]:
    """(H, W, C) from the header alone, as decode_image would give it. Raises as that does."""
    with _opened(file, name) as image:
        return image.height, image.width, 1 if image.mode in GREY_MODES else 3


def resize(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(H, W, C) -> (size, size, C), bicubic."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return _array(image.resize((size, size), Image.Resampling.BICUBIC))


def encoded_images(
    store: Store,
    names: Sequence[str],
    shape: tuple[int, int, int],
    *,
    size: int | None = None,
    boxes: Sequence[Box] | None = None,
) -> LazyImages:
    """Image files as an array of (N, *shape), decoded when asked for; size and boxes as in decode_image.

    Greyscale files among colours are repeated over the channels.
    """

    def one(row: int) -> NDArray[np.uint8]:
        return decode_image(read(store, names[row]), names[row], size, boxes[row] if boxes else None)

    return LazyImages(one, (len(names), *shape))


def resized(images: NDArray[np.uint8], size: int | None, name: str, *, progress: bool = False) -> Images:
    """Images (N, H, W, C) in memory at another size, or as they are where size is None or their own."""
    count, height, width, channels = images.shape
    if size is None or (height, width) == (size, size):
        return images
    lazy = LazyImages(lambda row: resize(images[row], size), (count, size, size, channels))
    return settle(lazy, f"resizing {name}", progress=progress)


@contextmanager
def _opened(file: IO[bytes], name: str) -> Iterator[Image.Image]:
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    # Pillow raises many kinds for a broken file: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise TrainingError(
            f"cannot read the image {name!r}: broken, cut short or no image; replace or remove it"
        ) from error


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """An image of mode L or RGB -> (H, W, 1) or (H, W, 3)."""
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array
