"""The classical attack: how far is x turned against the mean that its feature and decoy have?"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.circle import TURN, Angles
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import parts
from phasekey.audit.numerics.whitening import spectrum
from phasekey.audit.scene.scene import Floats, Samples

SHRINKAGES = (1e-3, 1e-2, 1e-1, 1.0, 1e6)  # the last leaves the bare mean


class MeanTemplate(Attack):
    """θ̂ = arg ⟨C⁻¹ m, x⟩ with m = μ_a + iμ_b: E[x | θ] = e^{iθ} m, so the matched filter's phase is θ.

    C is the covariance of features and decoys together, shrunk as far as validation asks.
    """

    name: ClassVar[str] = "mean-template"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Mean template"
    source: ClassVar[str] = "classical (matched filter)"
    how: ClassVar[str] = "Compares the phase of x with that of the mean feature and the mean decoy."
    remedy: ClassVar[str] = "Centre every position of the feature and of the decoy, so that no mean is left."

    def run(self, context: Context) -> Findings:
        """Angles by the template whose shrinkage errs least on validation."""
        view = context.view
        templates = _templates(_hidden(view.train))
        best = min(templates, key=lambda template: _error(template, view.validation))
        context.watch.advance()
        return Findings(_angles(best, view.test.x))


def _hidden(samples: Samples) -> NDArray[np.complex64]:
    """a + ib, what the rotation turned: (N, D)."""
    assert samples.decoy is not None  # noqa: S101 - why_not left out scenes without rotation
    rows = len(samples)
    flat: NDArray[np.complex64] = samples.feature.reshape(rows, -1) + 1j * samples.decoy.reshape(rows, -1)
    return flat


def _templates(hidden: NDArray[np.complex64]) -> list[NDArray[np.complex64]]:
    mean = hidden.mean(0)
    rest = hidden - mean
    both = spectrum(np.concatenate([rest.real, rest.imag]), centred=False)
    whites = (both.whitening(shrinkage) for shrinkage in SHRINKAGES)
    return [white.T @ (white @ mean) for white in whites]


def _angles(template: NDArray[np.complex64], x: Floats) -> Angles:
    angles: Angles = np.angle(parts(x) @ template.conj()).astype(np.float64) % TURN
    return angles


def _error(template: NDArray[np.complex64], samples: Samples) -> float:
    assert samples.theta is not None  # noqa: S101 - as above
    return float(circular_error(_angles(template, samples.x), samples.theta).mean())
