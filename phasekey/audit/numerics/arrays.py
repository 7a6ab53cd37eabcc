"""The arrays that everything passes round, and pixels as bytes and as numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def unit(images: Pixels) -> Floats:
    """Pixels as numbers, by division by 255.

    Args:
        images: uint8 of any shape.

    Returns:
        float32 in [0, 1].
    """
    return images.astype(np.float32) / np.float32(255)


def to_bytes(values: NDArray[Any]) -> Pixels:
    """Numbers as pixels: the nearest of 256.

    Args:
        values: floats of any shape; cut to [0, 1], NaN counts as 0.

    Returns:
        uint8 of that shape.
    """
    pixels: Pixels = np.rint(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)
    return pixels
