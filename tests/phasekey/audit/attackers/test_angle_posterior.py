"""A posterior that is kept is the posterior that was trained."""

import numpy as np

from phasekey.audit.artefacts import Posterior, PosteriorWeights
from phasekey.audit.attack import Context
from phasekey.audit.attackers.angle_posterior import known_posterior, posterior
from phasekey.audit.budget import EFFORTS
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scene.view import view_of


def test_the_kept_network_says_the_same(findings_of, leaky: Scene, watch) -> None:
    found, effort = findings_of("angle-network", "leaky"), EFFORTS["control"]
    network = known_posterior(Context(view_of(leaky), effort, earlier=(found.get(PosteriorWeights),)))
    again = posterior(network, leaky.test.x, effort.angles)
    np.testing.assert_allclose(again, found.get(Posterior).test, atol=1e-5)
