"""Predictors of an image that see no transmission: what any reconstruction has to be held against."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.numerics.arrays import unit
from phasekey.audit.scene.scene import Floats, Pixels, Samples

CLUSTERED = 5000  # images are enough for two cluster means


@dataclass(frozen=True)
class TrivialImages:
    """Guesses of each test image, float32 (N, H, W, C) in [0, 1], from the attacker's training images alone.

    Attributes:
        single: by name; each is a guess that an attacker can make without any x.
        blend: 50/50 of the truth and another image, which nobody can make without the truth: a mark
            to read errors against, never chance.
        pair: the two constant guesses that are best together (means of two clusters), (2, H, W, C).
    """

    single: dict[str, Floats]
    blend: Floats
    pair: Floats


def trivial_images(train: Samples, test: Samples, seed: int) -> TrivialImages:
    """All guesses that see no transmission, for every test image.

    Args:
        train: the attacker's images.
        test: to guess.
        seed: of the draws.

    Returns:
        The guesses.
    """
    rng = np.random.default_rng(seed)
    another = unit(train.images[rng.integers(len(train), size=len(test))])
    mean = train.images.mean(0, dtype=np.float64) / 255
    # Line by line: the median of all at once takes eight times the images' memory.
    lines = [np.median(train.images[:, line], axis=0) / 255 for line in range(train.images.shape[1])]
    single = {
        "mean image": _every(mean, len(test)),
        "median image": _every(np.stack(lines), len(test)),
        "another image": another,
    }
    return TrivialImages(single, 0.5 * (unit(test.images) + another), _two_means(train.images, seed))


def _every(image: NDArray[np.float64], count: int) -> Floats:
    return np.broadcast_to(image.astype(np.float32), (count, *image.shape))


def _two_means(images: Pixels, seed: int) -> Floats:
    from sklearn.cluster import KMeans  # slow to import

    some = unit(images[:CLUSTERED])
    clusters = KMeans(2, n_init=2, random_state=seed).fit(some.reshape(len(some), -1))
    centres: Floats = clusters.cluster_centers_.astype(np.float32).reshape(2, *some.shape[1:])
    return np.clip(centres, 0, 1)
