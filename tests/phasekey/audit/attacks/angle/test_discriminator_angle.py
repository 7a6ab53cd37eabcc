from collections.abc import Callable

import numpy as np

from phasekey.audit.attack import Findings
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.scene.scene import Scene


def test_hands_angles_on_for_the_reconstruction(
    leaky: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    extra = findings_of("discriminator-angle", "leaky").extra
    for name, samples in (("train", leaky.train), ("validation", leaky.validation)):
        theta = samples.theta[: len(extra[name])]
        assert len(theta) >= 200
        assert circular_error(extra[name], theta, 2 * np.pi).mean() < 0.3
