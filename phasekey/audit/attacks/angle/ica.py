"""Blind separation: features that are not Gaussian give the plane's axes away by their fourth moments.

Along a real axis w, z = w·x = e^{iθ} s with s = a + ib, a = w·feature and b = w·decoy. So for axes k and l

    z_k² z_l² = e^{4iθ} s_k² s_l²,

whatever the law of s. With a and b independent and centred, the mean of the last factor is

    E[s_k² s_l²] = cum(a_k, a_k, a_l, a_l) + cum(b_k, b_k, b_l, b_l)
                   + (Var a_k - Var b_k)(Var a_l - Var b_l) + 2 (Cov(a_k, a_l) - Cov(b_k, b_l))²,

which for l = k is κ₄(a) + κ₄(b) + 3 (Var a - Var b)²: expand both squares, E a⁴ = κ₄(a) + 3 (Var a)² and E
a_k² a_l² = cum + Var a_k Var a_l + 2 Cov(a_k, a_l)². Where feature and decoy have the same second moments, as
a sampler aims at, fourth-order cumulants alone are left, and they vanish for Gaussians: what independent
components are found by (Comon 1994). Means that are not zero add terms of their own, from which the filter
gains too.

With μ_j the mean of moment j of s, learnt from the attacker's own features and decoys, and v_j its variance,
the matched filter Σ_j conj(μ_j)/v_j m_j(x) has the mean e^{4iθ} Σ_j |μ_j|²/v_j: a quarter of its phase is θ
modulo π/2. Correlations of the moments are left out. With |z|^p e^{4i arg z} in place of z⁴ the phase is the
same and p < 4 gives outliers less weight; validation chooses p and the axes.
"""

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
    """A quarter of the phase of a matched filter of z_k² z_l², z = Wx: θ modulo π/2 (see the module)."""

    name: ClassVar[str] = "ica"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Kurtosis (independent components)"
    source: ClassVar[str] = "Comon 1994"
    how: ClassVar[str] = "Turns x until its fourth moments are those of features, modulo a quarter turn."
    remedy: ClassVar[str] = "Features and decoys whose fourth moments are those of a Gaussian."

    provides: ClassVar[tuple[type[Artefact], ...]] = (QuarterAngles,)

    def run(self, context: Context) -> Findings:
        """Angles modulo π/2 of the splits, by the axes and the power that err least on validation."""
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
    """The matched filter of fourth moments.

    Args:
        hidden: known a + ib, complex (N, D).
        axes: W, real (K, D).
        power: p, of |z| in each moment.
    """

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
