"""The canonical phase does not depend on the angle, and follows the mean feature."""

import numpy as np

from phasekey.audit.numerics.canonical_phase import Gauge
from phasekey.audit.numerics.rotation import turn
from phasekey.audit.scene.scene import Scene


def test_a_turned_transmission_has_the_same_canonical_phase(leaky: Scene) -> None:
    x = leaky.train.x
    gauge = Gauge(x)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(x))
    np.testing.assert_allclose(gauge.fix(turn(x, angles)), gauge.fix(x), atol=1e-4)


def test_features_with_a_mean_come_out_alike(leaky: Scene) -> None:
    """The phase that is left is the true one but for a constant: it hardly differs between transmissions."""
    gauge = Gauge(leaky.train.x)
    theta = leaky.test.theta
    assert theta is not None
    fixed, known = gauge.fix(leaky.test.x), turn(leaky.test.x, -theta)
    half = fixed.shape[1] // 2
    values = [part[:, :half].reshape(len(part), -1) + 1j * part[:, half:].reshape(len(part), -1)
              for part in (fixed, known)]  # fmt: skip
    left = (values[0] * values[1].conj()).sum(1)
    assert abs((left / abs(left)).mean()) > 0.9
