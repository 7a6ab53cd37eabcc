"""Errors and similarities, row by row, in numpy. No scoring of attacks: `scores` does that.

Images are floats in [0, 1], (N, H, W, C). Every function that returns one value for each row leaves the mean
and its interval to `bootstrap`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PSNR_CAP = 60.0  # dB; rounding to 8 bits alone costs 59
WINDOW, SIGMA = 11, 1.5  # of SSIM, pixels
SSIM_FLOORS = (0.01**2, 0.03**2)  # K₁², K₂² for values in [0, 1]
BLOCK = 500  # images at a time


def circular_error(estimate: NDArray[Any], truth: NDArray[Any], period: float = 2 * np.pi) -> Values:
    """The distance of two angles on a circle.

    A guess that knows nothing scores period / 4: π/2 on the full circle, π/4 modulo π, π/8 modulo π/2.

    Args:
        estimate: radians (N,), or any shape that fits.
        truth: radians, likewise.
        period: the circle's circumference: 2π, π or π/2.

    Returns:
        Radians in [0, period / 2].
    """
    away = np.mod(np.asarray(estimate, np.float64) - truth, period)
    distance: Values = np.minimum(away, period - away)
    return distance


def squared_error(guess: NDArray[Any], truth: NDArray[Any]) -> Values:
    """The mean square of each row's differences; its mean's root is the RMSE.

    Args:
        guess: (N, ...).
        truth: (N, ...).

    Returns:
        (N,).
    """
    return _row_means(np.square(np.asarray(guess, np.float32) - np.asarray(truth, np.float32)))


def absolute_error(guess: NDArray[Any], truth: NDArray[Any]) -> Values:
    """The mean absolute difference of each row.

    Args:
        guess: (N, ...).
        truth: (N, ...).

    Returns:
        (N,).
    """
    return _row_means(np.abs(np.asarray(guess, np.float32) - np.asarray(truth, np.float32)))


def psnr(guess: NDArray[Any], truth: NDArray[Any]) -> Values:
    """Peak signal-to-noise ratio of each image of range 1.

    Args:
        guess: (N, ...).
        truth: (N, ...).

    Returns:
        dB (N,), at most PSNR_CAP.
    """
    decibels: Values = -10 * np.log10(np.maximum(squared_error(guess, truth), 10 ** (-PSNR_CAP / 10)))
    return decibels


def ssim(guess: NDArray[Any], truth: NDArray[Any]) -> Values:
    """Structural similarity of each image (Wang et al. 2004).

    Gaussian window of 11 pixels, σ = 1.5, where it fits wholly into the image; the mean over places and
    channels. In images smaller than the window the window is cut to the largest odd size that fits.

    Args:
        guess: (N, H, W, C).
        truth: likewise.

    Returns:
        (N,), at most 1.
    """
    parts = range(0, len(truth), BLOCK)
    similar = [_ssim(*(rows[at : at + BLOCK].astype(np.float64) for rows in (guess, truth))) for at in parts]
    return np.concatenate(similar)


def _ssim(one: Values, two: Values) -> Values:
    mean_one, mean_two = _local(one), _local(two)
    spread_one, spread_two = _local(one * one) - mean_one**2, _local(two * two) - mean_two**2
    shared = _local(one * two) - mean_one * mean_two
    floor_mean, floor_spread = SSIM_FLOORS
    light = (2 * mean_one * mean_two + floor_mean) / (mean_one**2 + mean_two**2 + floor_mean)
    return _row_means(light * (2 * shared + floor_spread) / (spread_one + spread_two + floor_spread))


def _local(images: Values) -> Values:
    """Gaussian means around every place at which the window fits."""
    size = min(WINDOW, *(side - 1 + side % 2 for side in images.shape[1:3]))
    places = np.arange(size) - size // 2
    weights = np.exp(-(places**2) / (2 * SIGMA**2))
    for axis in (1, 2):
        images = np.lib.stride_tricks.sliding_window_view(images, size, axis=axis) @ (weights / weights.sum())
    return images


def best_of(errors: NDArray[Any]) -> Values:
    """The error of the best of each row's guesses, in whatever order they come.

    Args:
        errors: (N, T).

    Returns:
        (N,).
    """
    smallest: Values = errors.min(axis=1).astype(np.float64)
    return smallest


def cosine(one: NDArray[Any], two: NDArray[Any]) -> Values:
    """The cosine between each two rows, flattened.

    Args:
        one: (N, ...).
        two: (N, ...).

    Returns:
        (N,) in [-1, 1]; 0 where one of them is zero.
    """
    left, right = (np.asarray(rows, np.float64).reshape(len(rows), -1) for rows in (one, two))
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    products = np.einsum("nd,nd->n", left, right)
    cosines: Values = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return cosines


def mistakes(guess: NDArray[Any], truth: NDArray[Any]) -> Values:
    """Which rows are wrong.

    Args:
        guess: classes (N,), or attributes (N, A).
        truth: likewise.

    Returns:
        (N,): 1 for a wrong row, 0 for a right one; of attributes the share of wrong ones.
    """
    return _row_means(np.asarray(guess) != np.asarray(truth))


def majority(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent class; the smallest of equals.

    Args:
        labels: (N,) or (N, A).

    Returns:
        One class, shape (), or one for each column, (A,).
    """
    columns = labels.reshape(len(labels), -1).T
    winners = np.array([np.bincount(column).argmax() for column in columns], np.int64)
    return winners.reshape(labels.shape[1:])


def area_under_curve(outside: NDArray[Any], inside: NDArray[Any]) -> float:
    """ROC AUC: how often a random member's score is above a random non-member's, half for equals.

    Args:
        outside: scores of non-members, (N,).
        inside: scores of members, (M,).

    Returns:
        In [0, 1], one half for a coin.
    """
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, "left")
    not_above = np.searchsorted(ordered, inside, "right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def true_positives_at(outside: NDArray[Any], inside: NDArray[Any], false_positives: float) -> float:
    """The share of members found by the threshold that takes at most so many non-members for ones.

    Args:
        outside: scores of non-members, (N,).
        inside: scores of members, (M,).
        false_positives: the share of non-members that is allowed.

    Returns:
        In [0, 1].
    """
    allowed = int(false_positives * len(outside) + 1e-9)
    threshold = np.sort(outside)[::-1][allowed] if allowed < len(outside) else -np.inf
    return float(np.mean(inside > threshold))


def _row_means(values: NDArray[Any]) -> Values:
    means: Values = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
    return means
