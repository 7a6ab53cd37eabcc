from collections.abc import Callable

import numpy as np

from phasekey.audit.artefacts import DiscriminatorAngles
from phasekey.audit.attack import Findings
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.scene.scene import Scene


def test_hands_angles_on_for_the_reconstruction(
    leaky: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    angles = findings_of("discriminator-angle", "leaky").get(DiscriminatorAngles)
    for name, samples in (("train", leaky.train), ("validation", leaky.validation)):
        guess = getattr(angles, name)
        theta = samples.theta[: len(guess)]
        assert len(theta) >= 200
        assert circular_error(guess, theta, 2 * np.pi).mean() < 0.3
