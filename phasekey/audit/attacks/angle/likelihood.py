"""Phase search without training: which angle makes x look most like a feature over a decoy?"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.circle import TURN, Angles, grid, sharpest
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import parts
from phasekey.audit.numerics.whitening import views
from phasekey.audit.scene.scene import Floats

BINS = 128
REACH = 6.0  # of the histograms, in standard deviations
SOFT = np.array([1, 4, 6, 4, 1]) / 16  # neighbouring bins lend each other counts
CHOICE = 300  # validation transmissions on which axes are compared
CHUNK = 100  # transmissions searched at a time


class Likelihood(Attack):
    """θ̂ = argmax over φ of Σ_k log p_k(Re[w_k·x e^{-iφ}]) + log q_k(Im[v_k·x e^{-iφ}]).

    w are axes of features, v of decoys, p and q histograms along each: the principal components, or the
    values as they are, whichever validation prefers.
    """

    name: ClassVar[str] = "likelihood"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Likelihood phase search"
    source: ClassVar[str] = "classical (principal components and histograms, no training)"
    how: ClassVar[str] = "Tries all angles; keeps the one whose parts are likeliest a feature and a decoy."
    remedy: ClassVar[str] = "A narrow feature, Gaussian in every direction, hidden by decoys of its own law."

    def run(self, context: Context) -> Findings:
        """The likeliest angles by whichever axes err least on validation."""
        view, effort = context.view, context.effort
        theta = view.validation.theta
        assert theta is not None  # noqa: S101 - why_not left out scenes without rotation
        feature, decoy = _laws(view.train.feature), _laws(view.train.decoy)
        searches = [
            _Search(of_feature, of_decoy, effort.angles)
            for of_feature, of_decoy in zip(feature, decoy, strict=True)
        ]
        trial = view.validation.x[:CHOICE]
        best = min(
            searches, key=lambda search: float(circular_error(search(trial), theta[:CHOICE], TURN).mean())
        )
        context.watch.advance()
        return Findings(best(view.test.x))


class _Search:
    """Transmissions (N, 2C, ...) -> likeliest angles (N,)."""

    def __init__(self, feature: "Law", decoy: "Law", angles: int) -> None:
        self._feature, self._decoy = feature, decoy
        self._turns = np.exp(-1j * grid(angles)).astype(np.complex64)

    def __call__(self, x: Floats) -> Angles:
        scores = [
            self._feature.scores(part, self._turns) + self._decoy.scores(-1j * part, self._turns)
            for part in np.array_split(parts(x), -(-len(x) // CHUNK))
        ]
        return sharpest(np.concatenate(scores))


def _laws(features: Floats | None) -> list["Law"]:
    assert features is not None  # noqa: S101 - why_not left out scenes without rotation
    flat = features.reshape(len(features), -1)
    return [Law(flat, axes) for axes in views(flat)]


class Law:
    """The law of features (N, D), taken as independent along axes (K, D)."""

    def __init__(self, features: Floats, axes: Floats) -> None:
        self._axes = axes
        values = features @ axes.T
        self._mean, self._scale = values.mean(0), values.std(0) + 1e-6
        counts = np.stack([np.bincount(column, minlength=BINS) for column in self._bins(values).T])
        soft = np.apply_along_axis(np.convolve, 1, counts.astype(float), SOFT, "same")
        self._log = np.log((soft + 0.5) / (soft + 0.5).sum(1, keepdims=True)).astype(np.float32)

    def scores(self, x: NDArray[np.complex64], turns: NDArray[np.complex64]) -> Floats:
        """log p of Re[x·turn], summed over the axes.

        Args:
            x: complex (N, D).
            turns: e^{-iφ} of A angles, (A,).

        Returns:
            (N, A).
        """
        values = x @ self._axes.T
        component = np.arange(self._log.shape[0])
        columns = [self._log[component, self._bins((values * turn).real)].sum(1) for turn in turns]
        return np.stack(columns, axis=1)

    def _bins(self, values: Floats) -> NDArray[np.int64]:
        place = ((values - self._mean) / self._scale / REACH + 1) * (BINS / 2)
        bins: NDArray[np.int64] = np.clip(place, 0, BINS - 1).astype(np.int64)
        return bins
