"""What may go into the mean of a round: held to shapes, finite, no longer than a norm. Pure numpy.

An update is what a device's weights gained in a round, new minus old, one array for each that travels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phasekey.federated.errors import UpdateError

Arrays = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Update:
    """One device's, or the mean of many.

    Attributes:
        change: new weights minus old ones.
        weight: images behind it; above 0.
    """

    change: Arrays
    weight: float


def norm(change: Arrays) -> float:
    """Compute the Euclidean length of an update over all its arrays."""
    return float(np.sqrt(sum(float(np.square(part, dtype=np.float64).sum()) for part in change)))


def check(update: Update, like: Arrays) -> None:
    """Hold an update to the weights that it is of.

    Args:
        update: as it came.
        like: the weights.

    Raises:
        UpdateError: naming what is wrong, never a value.
    """
    found, wanted = [part.shape for part in update.change], [part.shape for part in like]
    if found != wanted:
        raise UpdateError(f"expected {len(wanted)} arrays of the shapes that were sent, but others came")
    if not all(np.isfinite(part).all() for part in update.change):
        raise UpdateError("values came that are no finite numbers")
    if not 0 < update.weight < float("inf"):
        raise UpdateError(f"an update weighs as many images as it was made from; got {update.weight:g}")


def clip(change: Arrays, clip_norm: float) -> Arrays:
    """Scale an update down to a length where it is longer.

    Args:
        change: of one device.
        clip_norm: Euclidean length that it may have at most.
    """
    length = norm(change)
    return (
        change
        if length <= clip_norm
        else [(part * (clip_norm / length)).astype(np.float32) for part in change]
    )


def mean(updates: Sequence[Update], max_examples: float) -> Arrays:
    """Average updates by weight.

    Args:
        updates: one or more, checked.
        max_examples: weight that one may have at most: how many images a device has is its own word.
    """
    weights = np.minimum([update.weight for update in updates], max_examples)
    shares = weights / weights.sum()
    parts = zip(*(update.change for update in updates), strict=True)
    return [
        np.sum([share * part for share, part in zip(shares, each, strict=True)], axis=0).astype(np.float32)
        for each in parts
    ]


def add(weights: Arrays, change: Arrays) -> Arrays:
    """Weights after an update."""
    return [old + gain for old, gain in zip(weights, change, strict=True)]
