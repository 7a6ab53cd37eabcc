from collections.abc import Callable

import numpy as np

from phasekey.audit.artefacts import FittedImages
from phasekey.audit.attack import Findings
from phasekey.audit.scene.scene import Scene


def test_hands_the_images_on_that_fit(leaky: Scene, findings_of: Callable[[str, str], Findings]) -> None:
    images = findings_of("manifold-fit", "leaky").get(FittedImages).images
    assert images.shape == leaky.test.images.shape
    assert images.dtype == np.float32
    assert np.sqrt(np.square(images - leaky.test.images / 255).mean()) < 0.05
