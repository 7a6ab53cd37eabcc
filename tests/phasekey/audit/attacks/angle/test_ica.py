from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.artefacts import QuarterAngles
from phasekey.audit.attacks.angle.ica import FourthOrder
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Samples, Scene


def drawn(samples: Samples, law: str) -> Samples:
    """Independent values of variance 1 and a fourth moment that is not a Gaussian's."""
    rng = np.random.default_rng(len(samples))
    shape = (2, *samples.feature.shape)
    values = rng.laplace(scale=0.5**0.5, size=shape) if law == "peaked" else rng.choice([-1.0, 1.0], shape)
    feature, decoy = values.astype(np.float32)
    return replace(samples, feature=feature, decoy=decoy, x=hide(feature, decoy, samples.theta))


@pytest.mark.parametrize("law", ["peaked", "flat"])
def test_finds_the_axes_of_what_is_not_gaussian(law: str, gaussian: Scene, watch: object) -> None:
    train, validation, test = (
        drawn(part, law) for part in (gaussian.train, gaussian.validation, gaussian.test)
    )
    scene = replace(gaussian, train=train, validation=validation, test=test)
    findings = attack_scene(FourthOrder(), scene, EFFORTS["control"], 0)
    assert findings.period == np.pi / 2
    assert circular_error(findings.estimate, test.theta, findings.period).mean() < 0.25  # chance 0.393
    assert findings.get(QuarterAngles).train.shape == (len(train),)
    assert findings.get(QuarterAngles).validation.shape == (len(validation),)


def test_the_mean_moment_is_what_the_cumulants_say() -> None:
    """The derivation in the module, on a law of four equally likely points, where all means are sums."""
    a = np.array([[1.0, 2.0], [-1.0, -2.0], [3.0, -1.0], [-3.0, 1.0]])
    b = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    s = (a[:, None] + 1j * b[None]).reshape(-1, 2)  # independent: every pair of points

    def cumulant(rows: np.ndarray) -> float:
        one, two = (rows**2).T
        return float((one * two).mean() - one.mean() * two.mean() - 2 * rows.prod(1).mean() ** 2)

    spread = (a**2).mean(0) - (b**2).mean(0)
    shared = a.prod(1).mean() - b.prod(1).mean()
    expected = cumulant(a) + cumulant(b) + spread.prod() + 2 * shared**2
    assert (s[:, 0] ** 2 * s[:, 1] ** 2).mean() == pytest.approx(expected)
