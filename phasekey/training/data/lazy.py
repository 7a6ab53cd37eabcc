"""Images that are decoded when they are asked for, behind the look of an array."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

IN_MEMORY = 2**30  # bytes of pixels; a split of more is decoded anew for every batch
CHUNK = 256  # images at a time, while all are read


class LazyImages:
    """Like a uint8 array (N, H, W, C) of which only `len`, `shape` and indexing by rows are there.

    one: index -> pixels (H, W, C), or (H, W, 1) to be repeated over the channels. It is called from
    several threads at once. Each access decodes anew; nothing is kept.
    """

    def __init__(self, one: Callable[[int], NDArray[np.uint8]], shape: tuple[int, int, int, int]) -> None:
        self._one, self.shape = one, shape

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """What all pixels would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64))

    def of(self, rows: NDArray[np.intp]) -> "LazyImages":
        """Some of the images, by number, still to be decoded when asked for."""
        return LazyImages(lambda place: self._one(int(rows[place])), (len(rows), *self.shape[1:]))

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Rows by number, slice or integer array, as numpy takes them."""
        chosen = np.arange(len(self))[rows]
        images = np.empty((chosen.size, *self.shape[1:]), np.uint8)

        def fill(place: int) -> None:
            images[place] = self._one(int(chosen.flat[place]))

        for _ in _pool(os.getpid()).map(fill, range(chosen.size)):
            pass  # raises what a decoder raised
        return images.reshape(*chosen.shape, *self.shape[1:])


Images = NDArray[np.uint8] | LazyImages


def settle(images: LazyImages, name: str, *, progress: bool = False, most: int | None = None) -> Images:
    """The images as an array where they take at most `most` (IN_MEMORY) bytes, else as they are."""
    if images.nbytes > (IN_MEMORY if most is None else most):
        return images
    pixels = np.empty(images.shape, np.uint8)
    with tqdm(total=len(images), desc=name, unit="image", disable=None if progress else True) as bar:
        for start in range(0, len(images), CHUNK):
            part = images[start : start + CHUNK]
            pixels[start : start + len(part)] = part
            bar.update(len(part))
    return pixels


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """One pool for a process: a fork of it has none of its threads. Pillow decodes without the GIL."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix=f"decode-{process}")
