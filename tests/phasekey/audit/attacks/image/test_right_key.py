"""The yardstick: what the key gives, and what wrong angles take away."""

import numpy as np

from phasekey.audit.artefacts import KeySweep, RightKeyDecoder
from phasekey.audit.attackers.image_decoder import images_by, new_decoder
from phasekey.audit.attackers.training import unpack
from phasekey.audit.budget import EFFORTS
from phasekey.audit.scene.scene import Scene


def _rmse(images: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((images - truth / 255.0) ** 2).mean()))


def test_the_sweep_starts_at_the_image_and_gets_worse(findings_of, leaky: Scene) -> None:
    sweep = findings_of("right-key", "leaky").get(KeySweep)
    truth = leaky.test.images[:8]
    errors = [_rmse(sweep.images[:, index], truth) for index in range(len(sweep.angles))]
    assert sweep.angles[0] == 0
    assert sweep.angles[-1] == np.pi
    assert errors[0] < 0.05
    assert errors[4] > 3 * errors[0]
    assert errors[-1] > errors[2]


def test_its_weights_rebuild_the_decoder(findings_of, leaky: Scene) -> None:
    found = findings_of("right-key", "leaky")
    decoder = new_decoder(leaky, EFFORTS["control"], leaky.train.feature.shape[1:])
    unpack(decoder, found.get(RightKeyDecoder).weights)
    np.testing.assert_allclose(images_by(decoder, leaky.test.feature), found.estimate, atol=1e-5)
