"""Phase search without training: which angle makes x look most like a feature over a decoy?"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.circle import grid, sharpest
from phasekey.audit.effort import Effort
from phasekey.audit.plane import parts
from phasekey.audit.scene import Floats, Scene
from phasekey.audit.whitening import spectrum

BINS = 128
REACH = 6.0  # of the histograms, in standard deviations
SOFT = np.array([1, 4, 6, 4, 1]) / 16  # neighbouring bins lend each other counts
CHUNK = 100  # transmissions searched at a time


class Likelihood(Attack):
    """θ̂ = argmax over φ of Σ_k log p_k(Re[w_k·x e^{-iφ}]) + log q_k(Im[v_k·x e^{-iφ}]).

    w are the principal components of features, v those of decoys; p and q histograms along each.
    """

    name: ClassVar[str] = "likelihood"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Likelihood phase search"
    source: ClassVar[str] = "classical (principal components and histograms, no training)"
    how: ClassVar[str] = "Tries all angles; keeps the one whose parts are likeliest a feature and a decoy."
    remedy: ClassVar[str] = "A narrow feature, Gaussian in every direction, hidden by decoys of its own law."

    def run(
        self,
        scene: Scene,
        effort: Effort,
        seed: int,  # noqa: ARG002
        earlier: Mapping[str, Findings],  # noqa: ARG002
        watch: Watch,
    ) -> Findings:
        """See Attack.run."""
        assert scene.train.decoy is not None  # noqa: S101 - why_not left out scenes without rotation
        feature, decoy = Law(scene.train.feature), Law(scene.train.decoy)
        turns = np.exp(-1j * grid(effort.angles)).astype(np.complex64)
        x = parts(scene.test.x)
        scores = [
            feature.scores(part, turns) + decoy.scores(-1j * part, turns)
            for part in np.array_split(x, -(-len(x) // CHUNK))
        ]
        watch.advance()
        return Findings(sharpest(np.concatenate(scores)))


class Law:
    """The law of features (N, ...), taken as independent along its principal components."""

    def __init__(self, features: Floats) -> None:
        flat = features.reshape(len(features), -1)
        self._white = spectrum(flat).whitening()
        values = flat @ self._white.T
        self._mean, self._scale = values.mean(0), values.std(0) + 1e-6
        counts = np.stack([np.bincount(column, minlength=BINS) for column in self._bins(values).T])
        soft = np.apply_along_axis(np.convolve, 1, counts.astype(float), SOFT, "same")
        self._log = np.log((soft + 0.5) / (soft + 0.5).sum(1, keepdims=True)).astype(np.float32)

    def scores(self, x: NDArray[np.complex64], turns: NDArray[np.complex64]) -> Floats:
        """log p of Re[x·turn] for N rows and A turns: (N, A)."""
        values = x @ self._white.T
        component = np.arange(self._log.shape[0])
        columns = [self._log[component, self._bins((values * turn).real)].sum(1) for turn in turns]
        return np.stack(columns, axis=1)

    def _bins(self, values: Floats) -> NDArray[np.int64]:
        place = ((values - self._mean) / self._scale / REACH + 1) * (BINS / 2)
        bins: NDArray[np.int64] = np.clip(place, 0, BINS - 1).astype(np.int64)
        return bins
