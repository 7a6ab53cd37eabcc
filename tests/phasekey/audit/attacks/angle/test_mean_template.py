from dataclasses import replace

import numpy as np

from phasekey.audit.attacks.angle.mean_template import MeanTemplate
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Samples, Scene


def with_a_mean_in_the_decoy(samples: Samples) -> Samples:
    """Gaussian features about zero, decoys about another point: all that is known of θ is the decoy's."""
    decoy = samples.decoy + 2
    return replace(samples, decoy=decoy, x=hide(samples.feature, decoy, samples.theta))


def test_a_mean_of_the_decoy_alone_gives_the_angle_away(gaussian: Scene, watch: object) -> None:
    parts = (gaussian.train, gaussian.validation, gaussian.test)
    train, validation, test = (with_a_mean_in_the_decoy(part) for part in parts)
    scene = replace(gaussian, train=train, validation=validation, test=test)
    found = attack_scene(MeanTemplate(), scene, EFFORTS["control"], 0).estimate
    assert circular_error(found, test.theta, 2 * np.pi).mean() < 0.1
