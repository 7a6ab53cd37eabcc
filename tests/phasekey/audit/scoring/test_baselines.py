import numpy as np
import pytest

from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.metrics import absolute_error, squared_error
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scoring.baselines import TrivialImages, trivial_images


@pytest.fixture(scope="module")
def trivial(leaky: Scene) -> TrivialImages:
    return trivial_images(leaky.train, leaky.test, 0)


def test_constant_guesses_are_of_the_training_images(leaky: Scene, trivial: TrivialImages) -> None:
    train = leaky.train.images / 255
    np.testing.assert_allclose(trivial.single["mean image"][7], train.mean(0), atol=1e-6)
    np.testing.assert_allclose(trivial.single["median image"][7], np.median(train, axis=0), atol=1e-6)
    known = {image.tobytes() for image in leaky.train.images}
    another = np.rint(trivial.single["another image"] * 255).astype(np.uint8)
    assert all(image.tobytes() in known for image in another)


def test_each_is_best_by_the_measure_it_is_made_for(leaky: Scene, trivial: TrivialImages) -> None:
    truth = unit(leaky.test.images)
    mean, median, another = (trivial.single[name] for name in ("mean image", "median image", "another image"))
    assert squared_error(mean, truth).mean() < squared_error(median, truth).mean()
    assert absolute_error(median, truth).mean() < absolute_error(mean, truth).mean()
    assert squared_error(mean, truth).mean() < squared_error(another, truth).mean()


def test_a_blend_is_half_as_far_as_the_other_image(leaky: Scene, trivial: TrivialImages) -> None:
    truth = unit(leaky.test.images)
    away = squared_error(trivial.single["another image"], truth)
    np.testing.assert_allclose(squared_error(trivial.blend, truth), away / 4, rtol=1e-4)


def test_two_constant_guesses_beat_one(leaky: Scene, trivial: TrivialImages) -> None:
    truth = unit(leaky.test.images)
    both = np.stack([squared_error(np.broadcast_to(image, truth.shape), truth) for image in trivial.pair])
    assert both.min(0).mean() < squared_error(trivial.single["mean image"], truth).mean()
