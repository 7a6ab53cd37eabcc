from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.scene.scene import Samples, Scene
from phasekey.audit.scoring import recogniser
from phasekey.audit.scoring.image_scores import Yardsticks
from phasekey.audit.scoring.recogniser import Recogniser, what_to_see
from phasekey.audit.scoring.scores import ScoreContext


@pytest.fixture(scope="module")
def yardsticks(context_of: object, leaky: Scene) -> Yardsticks:
    assert callable(context_of)
    context: ScoreContext = context_of("leaky")
    return context.yardsticks


def test_knows_real_digits_that_it_never_saw(yardsticks: Yardsticks) -> None:
    assert yardsticks.recognised > 0.93


def test_sees_a_little_in_blends_and_nothing_in_trivial_pictures(yardsticks: Yardsticks) -> None:
    for rate in yardsticks.marks["recognised"].values():
        assert rate < 0.2
    assert 0.2 < yardsticks.blend["recognised"] < yardsticks.recognised


def test_a_blur_is_not_beyond_it(yardsticks: Yardsticks, leaky: Scene) -> None:
    coarse = yardsticks.truth.reshape(-1, 8, 2, 8, 2, 1).mean((2, 4), keepdims=True)
    blurred = np.broadcast_to(coarse, (len(coarse), 8, 2, 8, 2, 1)).reshape(yardsticks.truth.shape)
    assert (yardsticks.recogniser.sees(blurred) == leaky.test.labels).mean() > 0.9


def test_attributes_leave_the_property_to_see(leaky: Scene) -> None:
    assert what_to_see(leaky.test) is leaky.test.labels
    attributes = replace(leaky.test, labels=np.stack([leaky.test.labels] * 2, axis=1))
    assert what_to_see(attributes) is leaky.test.property


def test_takes_large_colour_pictures(leaky: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recogniser, "FEWEST", 2)  # steps: only shapes are looked at

    def large(samples: Samples) -> Samples:
        images = np.repeat(np.kron(samples.images[:40], np.ones((1, 5, 5, 1), np.uint8)), 3, axis=3)
        return replace(
            samples, images=images, labels=samples.labels[:40], property=samples.property[:40]
        )  # fmt: skip

    scene = replace(leaky, train=large(leaky.train), validation=large(leaky.validation))
    seen = Recogniser(scene, 0).sees(scene.validation.images.astype(np.float32) / 255)
    assert seen.shape == (40,)
