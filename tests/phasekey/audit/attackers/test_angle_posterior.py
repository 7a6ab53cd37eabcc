"""A posterior that is kept is the posterior that was trained."""

import numpy as np

from phasekey.audit.attackers.angle_posterior import known_posterior, posterior
from phasekey.audit.budget import EFFORTS
from phasekey.audit.scene.scene import Scene


def test_the_kept_network_says_the_same(findings_of, leaky: Scene, watch) -> None:
    found, effort = findings_of("angle-network", "leaky"), EFFORTS["control"]
    network = known_posterior(leaky, effort, found, watch)
    again = posterior(network, leaky.test.x, effort.angles)
    np.testing.assert_allclose(again, found.extra["posterior"], atol=1e-5)
