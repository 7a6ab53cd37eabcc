"""Posteriors over the angle on an even grid of the circle, and the guesses that they lead to; in numpy.

A posterior is float32 (N, A): row by row the probabilities of the A angles 2πk/A.
"""

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.numerics.arrays import Floats
from phasekey.audit.numerics.metrics import circular_error

Angles = NDArray[np.float64]

TURN = 2 * np.pi
FINE = 1024  # angles of the grid on which quantiles are read


def grid(count: int) -> Angles:
    """Even angles 2πk/A of the circle.

    Args:
        count: A.

    Returns:
        Radians (A,), float64.
    """
    return TURN * np.arange(count) / count


def mean_angle(angles: Angles) -> float:
    """The circular mean of angles: the argument of the mean of e^{iθ} (Mardia 1972).

    Args:
        angles: radians (N,).

    Returns:
        Radians in (-π, π].
    """
    return float(np.angle(np.exp(1j * angles).mean()))


def softmax(scores: NDArray[np.floating]) -> Floats:
    """Probabilities in proportion to e^score, row by row.

    Args:
        scores: (N, A).

    Returns:
        (N, A) float32; rows sum to 1.
    """
    raised = np.exp(scores - scores.max(1, keepdims=True))
    shares: Floats = (raised / raised.sum(1, keepdims=True)).astype(np.float32)
    return shares


def best_guess(posterior: Floats, fold: int = 1) -> Angles:
    """The angle of the grid that the posterior expects to err least by, modulo 2π/fold.

    For fold 2 or 4, angles that differ by the period count as one, so that the guess is the best modulo π or
    π/2.

    Args:
        posterior: (N, A).
        fold: 1, 2 or 4; A must be divisible by it.

    Returns:
        Radians (N,) in [0, 2π/fold).
    """
    count = posterior.shape[1] // fold
    folded = posterior.reshape(len(posterior), fold, count).sum(1)
    period = TURN / fold
    angles = grid(posterior.shape[1])[:count]
    distance = circular_error(angles[:, None], angles[None], period)
    return _peak(-(folded @ distance.astype(np.float32)), period)


def sharpest(scores: NDArray[np.floating]) -> Angles:
    """The angle of the largest score, between two angles of the grid by a parabola.

    Args:
        scores: on an even grid, (N, A).

    Returns:
        Radians (N,) in [0, 2π).
    """
    return _peak(scores, TURN)


def _peak(scores: NDArray[np.floating], period: float) -> Angles:
    """Where a parabola through the largest score and its two neighbours has its top, (N,)."""
    count, rows = scores.shape[1], np.arange(len(scores))
    best = scores.argmax(1)
    before, here, after = (scores[rows, (best + step) % count].astype(float) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    step = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1.0), 0.0)
    found: Angles = ((best + step) * period / count) % period
    return found


def guess_list(posterior: Floats, guesses: int) -> Angles:
    """So many guesses, spread as the posterior asks.

    They lie at even quantiles of posterior^(1/3), the density of points that makes the mean squared distance
    to the nearest smallest (Panter and Dite 1951). A flat posterior gives evenly spaced guesses.

    Args:
        posterior: (N, A).
        guesses: how many, T.

    Returns:
        Radians (N, T), rising.
    """
    fine = np.arange(FINE) / FINE
    wrapped = np.concatenate([posterior, posterior[:, :1]], axis=1)
    where = np.linspace(0, 1, wrapped.shape[1])
    wanted = (np.arange(guesses) + 0.5) / guesses
    lists = np.empty((len(posterior), guesses))
    for row, values in enumerate(wrapped):
        density = np.cbrt(np.interp(fine, where, values)) + 1e-6
        mass = np.concatenate([[0.0], np.cumsum(density)])
        lists[row] = np.interp(wanted, mass / mass[-1], np.append(fine, 1.0)) * TURN
    return lists
