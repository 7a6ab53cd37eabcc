"""Two transmissions of one input: their planes meet in the feature."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.metrics import cosine
from phasekey.audit.numerics.rotation import hide, major_axis, parts, unrotate
from phasekey.audit.scene.build import CHANGES
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView

PRACTICE = 500  # of the attacker's images, sent twice to learn how a feature changes
TRIALS = 200  # of his validation images, on which he chooses how far to trust that
# Weights of directions in which features don't change, beside the mean of those in which they do.
FLOORS = (np.inf, 1.0, 1e-1, 1e-2)
SAME_PLANE = 0.999  # cosine of the second principal angle; that of different decoys is far below
BLOCK = 250  # transmissions at a time

Matrix = NDArray[np.float64]


class RepeatedQuery(Attack):
    """span(a, b₁) and span(a', b₂) are nearest each other along a: the first principal vector (Jordan 1875).

    Where the input changed in between, lengths are measured in the metric of the change: differences that a
    shift or noise makes anyway count less. How much less is chosen on the attacker's own images.
    """

    name: ClassVar[str] = "repeated-query"
    leak: ClassVar[Leak] = "repeat"
    title: ClassVar[str] = "Repeated query"
    source: ClassVar[str] = "classical (principal angles between planes)"
    how: ClassVar[str] = (
        "Intersects the planes of two transmissions of the same input, or of nearly the same: what they "
        "share is the feature."
    )
    remedy: ClassVar[str] = (
        "Derive angle and decoy from the input, so that a repeated input sends the same x; send no two "
        "pictures of one scene."
    )
    needs_white_box: ClassVar[bool] = False

    def run(self, context: Context) -> Findings:
        """Unit vectors (N, R, D) along which both planes come nearest, one for each kind of repeat."""
        view = context.view
        rng = np.random.default_rng(context.seed)
        # In the order of view.repeats.
        found = [
            shared_direction(view.test.x, again.x, _metric(name, view, rng))
            for name, again in view.repeats.items()
        ]
        context.watch.advance()
        return Findings(np.stack(found, axis=1))


class Metric:
    """Lengths in which a difference that the change makes anyway counts little: C^{-1/2} with C the
    covariance of the change, its mean variance times `floor` added on the diagonal; an infinite floor is the
    plain metric.

    directions (K, D) and variance (K,): the principal ones of C, whose other D - K are zero.
    """

    def __init__(self, directions: Matrix, variance: Matrix, floor: float) -> None:
        mean = max(variance.sum() / directions.shape[1], np.finfo(np.float64).tiny)
        self._directions = directions
        self._shrink = 1 - 1 / np.sqrt(1 + variance / (floor * mean))

    def __call__(self, columns: Matrix) -> Matrix:
        """(N, D, 2) -> (N, D, 2)."""
        rows = np.swapaxes(columns, 1, 2).reshape(-1, columns.shape[1])  # one product, not N small ones
        rows = rows - (rows @ self._directions.T * self._shrink) @ self._directions
        return np.swapaxes(rows.reshape(len(columns), 2, -1), 1, 2)


def shared_direction(first: Floats, second: Floats, metric: Metric | None = None) -> Floats:
    """Where two transmissions' planes come nearest.

    Args:
        first: (N, 2C', ...).
        second: likewise, row by row of the same inputs.
        metric: lengths in which to measure, None for the plain ones.

    Returns:
        Unit vectors (N, D) of the first plane; its longest direction where both span the same plane, as
        there is nothing to intersect.
    """
    parts_ = range(0, len(first), BLOCK)
    return np.concatenate([_shared(first[at : at + BLOCK], second[at : at + BLOCK], metric) for at in parts_])


def _shared(first: Floats, second: Floats, metric: Metric | None) -> Floats:
    planes = [_columns(x) for x in (first, second)]
    (one, change), (two, _) = (np.linalg.qr(plane if metric is None else metric(plane)) for plane in planes)
    left, cosines, _ = np.linalg.svd(np.swapaxes(one, 1, 2) @ two)
    # Back from the orthonormal basis to Re x and Im x.
    shares = np.linalg.pinv(change) @ left[:, :, :1]
    same = cosines[:, 1] > SAME_PLANE
    longest = unrotate(first, major_axis(first)).reshape(len(first), -1)
    found = np.where(same[:, None], longest, (planes[0] @ shares)[:, :, 0])
    directions: Floats = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return directions


def _columns(x: Floats) -> Matrix:
    """Re x and Im x side by side: (N, D, 2)."""
    z = parts(x)
    return np.stack([z.real, z.imag], axis=2).astype(np.float64)


def _metric(name: str, view: AttackerView, rng: np.random.Generator) -> Metric | None:
    """The best of some on the attacker's own images, changed in the same way; None for the plain one."""
    if name == "exact" or not view.white_box:
        return None
    change = np.linalg.svd(_changed(name, view, view.train, rng, PRACTICE), full_matrices=False)
    trial = _trial(name, view, rng)
    metrics = [Metric(change.Vh, change.S**2, floor) for floor in FLOORS]
    return max(metrics, key=lambda metric: _success(metric, *trial))


def _changed(name: str, view: AttackerView, samples: Samples, rng: np.random.Generator, count: int) -> Matrix:
    """How the change moves features, (count, D)."""
    again = view.device.encode(CHANGES[name](samples.images[:count], rng))
    return (again - samples.feature[:count]).reshape(len(again), -1).astype(np.float64)


def _trial(name: str, view: AttackerView, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """The attacker's own input sent twice, changed in between: first x, second x, and the truth."""
    feature = view.validation.feature[:TRIALS]
    again = feature + _changed(name, view, view.validation, rng, TRIALS).reshape(feature.shape)

    def sent(values: Matrix | Floats) -> Floats:
        theta = rng.uniform(0, 2 * np.pi, len(values))
        return hide(values.astype(np.float32), _other(view, len(values), rng), theta)

    return sent(feature), sent(again), feature


def _other(view: AttackerView, count: int, rng: np.random.Generator) -> Floats:
    assert view.train.decoy is not None  # noqa: S101 - why_not left out scenes without rotation
    return view.train.decoy[rng.integers(len(view.train), size=count)]


def _success(metric: Metric, first: Floats, second: Floats, truth: Floats) -> float:
    return float(np.abs(cosine(shared_direction(first, second, metric), truth)).mean())
