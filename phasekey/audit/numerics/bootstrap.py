"""How far a figure could be off for having been measured on so few images: percentile bootstrap.

What is resampled are rows of the test split, with replacement (Efron 1979); networks, splits and trivial
predictors stay as they are. So an interval tells of the images that were drawn, not of training anew.
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95
BLOCK = 100  # resamples at a time

Interval = tuple[float, float, float]  # value, low, high


def widening(count: int) -> float:
    """How many times as wide an interval of one of several figures must be (Bonferroni, normal tails).

    Of 12 figures that lie at chance, one interval of 95% misses it by luck in half of all audits. Each end
    moved out by the ratio of normal quantiles at 1 - .05 / (2 · count) and 1 - .05 / 2, all of them together
    miss in 5% of audits at most.

    Args:
        count: figures that are looked at together.

    Returns:
        1 or more.
    """
    return _quantile(max(count, 1)) / _quantile(1)


def _quantile(count: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * count))


def mean_interval(rows: NDArray[Any], seed: int) -> Interval:
    """The mean of some values with its 95 % interval.

    Args:
        rows: (N,).
        seed: of the resampling.

    Returns:
        Mean, and the interval's lower and upper end.
    """
    rng = np.random.default_rng(seed)
    values = np.asarray(rows, np.float64)
    blocks = (
        values[rng.integers(len(values), size=(BLOCK, len(values)))].mean(1)
        for _ in range(RESAMPLES // BLOCK)
    )
    return (float(values.mean()), *_limits(np.concatenate(list(blocks))))


def two_sample_interval(
    statistic: Callable[[NDArray[Any], NDArray[Any]], float],
    one: NDArray[Any],
    two: NDArray[Any],
    seed: int,
) -> Interval:
    """A statistic of two independent samples with its 95 % interval; each is resampled for itself.

    Args:
        statistic: of both samples -> a number.
        one: (N,).
        two: (M,).
        seed: of the resampling.

    Returns:
        The statistic, and the interval's lower and upper end.
    """
    rng = np.random.default_rng(seed)

    def again(rows: NDArray[Any]) -> NDArray[Any]:
        return rows[rng.integers(len(rows), size=len(rows))]

    drawn = np.array([statistic(again(one), again(two)) for _ in range(RESAMPLES)])
    return (statistic(one, two), *_limits(drawn))


def _limits(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
