"""Blind separation: features that are not Gaussian give the plane's axes away by their fourth moments."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import Artefact, QuarterAngles
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.circle import TURN, Angles
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import parts
from phasekey.audit.numerics.whitening import views
from phasekey.audit.scene.scene import Floats, Samples

Complex = NDArray[np.complex64]

PERIOD = TURN / 4
POWERS = (4.0, 2.0, 1.0)  # of |z|: 4 is the cumulant itself, smaller ones heed outliers less
LEARNT = 20_000  # transmissions from which moments are learnt
KNOWN = 8_000  # training transmissions whose angle is estimated for the attacks that come after
JOINT = 48  # components whose products are looked at too


class FourthOrder(Attack):
    """z = Wx, so z_k² z_l² = e^{4iθ} (a_k + ib_k)² (a_l + ib_l)²: where the mean of the last factor is not
    zero, i.e. where a or b is not Gaussian, its matched filter has the phase 4θ (Comon 1994)."""

    name: ClassVar[str] = "ica"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Kurtosis (independent components)"
    source: ClassVar[str] = "Comon 1994"
    how: ClassVar[str] = "Turns x until its fourth moments are those of features, modulo a quarter turn."
    remedy: ClassVar[str] = "Features and decoys whose fourth moments are those of a Gaussian."

    provides: ClassVar[tuple[type[Artefact], ...]] = (QuarterAngles,)

    def run(self, context: Context) -> Findings:
        """See Attack.run."""
        view = context.view
        hidden = _hidden(view.train)[:LEARNT]
        theta = view.validation.theta
        assert theta is not None  # noqa: S101 - why_not left out scenes without rotation
        filters = [
            Filter(hidden, axes, power)
            for axes in views(np.concatenate([hidden.real, hidden.imag]))
            for power in POWERS
        ]
        validation = parts(view.validation.x)
        best = min(
            filters, key=lambda chosen: float(circular_error(chosen(validation), theta, PERIOD).mean())
        )
        context.watch.advance()
        splits = parts(view.train.x[:KNOWN]), validation, parts(view.test.x)
        angles = QuarterAngles(*(best(split) for split in splits))
        return Findings(angles.test, period=PERIOD, artefacts=(angles,))


class Filter:
    """The matched filter of fourth moments along axes (K, D), learnt from known a + ib, (N, D)."""

    def __init__(self, hidden: Complex, axes: Floats, power: float) -> None:
        self._axes, self._power = axes, power
        moments = self._moments(hidden @ axes.T)
        mean = moments.mean(0)
        variance = (moments.real.var(0) + moments.imag.var(0)).mean() * 1e-3 + moments.var(0)
        self._weights: Complex = mean.conj() / variance

    def __call__(self, x: Complex) -> Angles:
        """Angles modulo π/2 of transmissions (N, D): (N,)."""
        phases = np.angle(self._moments(x @ self._axes.T) @ self._weights)
        angles: Angles = phases.astype(np.float64) / 4 % PERIOD
        return angles

    def _moments(self, z: Complex) -> Complex:
        """|z|^p e^{4i arg z} of each component, and the same of products of the first ones: (N, M)."""
        size = np.abs(z) + 1e-6
        squares = (z / size) ** 2 * size ** (self._power / 2)
        first, second = np.triu_indices(min(JOINT, z.shape[1]), 1)
        return np.concatenate([squares**2, squares[:, first] * squares[:, second]], axis=1)


def _hidden(samples: Samples) -> Complex:
    assert samples.decoy is not None  # noqa: S101 - why_not left out scenes without rotation
    rows = len(samples)
    flat: Complex = samples.feature.reshape(rows, -1) + 1j * samples.decoy.reshape(rows, -1)
    return flat
