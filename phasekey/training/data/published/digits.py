"""scikit-learn's handwritten digits: 1,797 real 8×8 images that come with the package, no download.

Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), the test part: 13 writers.
"""

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.images import resize

LARGEST_VALUE = 16  # of a pixel as published: counts of set bits in 4×4 blocks
DEFAULT_SIZE = 32  # pixels per side
TEST_SHARE = 5  # one image in five of each class is held out


def load_digits(image_size: int | None = None) -> ImageDataset:
    """The digits enlarged to image_size (32) pixels per side: uint8 (N, size, size, 1), ten classes.

    The split is fixed, so that runs of different seeds are tested on the same images. Writers are not
    kept apart: the published file does not say who wrote what.
    """
    from sklearn.datasets import load_digits as published  # slow to import, and only needed here

    values, labels = published(return_X_y=True)
    small = np.rint(values.reshape(-1, 8, 8) * (255 / LARGEST_VALUE)).astype(np.uint8)
    images = enlarge(small, image_size or DEFAULT_SIZE)
    labels = labels.astype(np.int64)
    test = held_out(labels)
    return ImageDataset(
        name="digits",
        classes=tuple(str(digit) for digit in range(10)),
        train=Split(images[~test], labels[~test]),
        test=Split(images[test], labels[test]),
        augment="shift",
    )


def enlarge(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Grey images (N, H, W) -> (N, size, size, 1), bicubic."""
    return np.stack([resize(image, size) for image in images[..., None]])


def held_out(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for every fifth image of each class, in the published order: (N,) -> (N,)."""
    test = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        test[np.flatnonzero(labels == label)[TEST_SHARE - 1 :: TEST_SHARE]] = True
    return test
