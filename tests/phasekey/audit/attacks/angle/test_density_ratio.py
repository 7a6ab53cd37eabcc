from dataclasses import replace

import numpy as np

from phasekey.audit.artefacts import SearchedAngles, SearchedFolds, SearchedPosterior
from phasekey.audit.attacks.angle.density_ratio import DensityRatio
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.circle import best_guess
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Samples, Scene

VALUES = 8
EFFORT = replace(EFFORTS["control"], angle_steps=200)


class Narrow:
    """Encodes every image anew, by the law of `skewed`."""

    rotated, processes = True, False

    def encode(self, images: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(len(images))
        return (rng.exponential(size=(len(images), VALUES)) - 1).astype(np.float32)


def skewed(samples: Samples, rng: np.random.Generator) -> Samples:
    """Narrow features of exponential values about zero, hidden by Gaussian ones."""
    feature = (rng.exponential(size=(len(samples), VALUES)) - 1).astype(np.float32)
    decoy = rng.standard_normal((len(samples), VALUES)).astype(np.float32)
    theta = rng.uniform(0, 2 * np.pi, len(samples))
    return replace(samples, feature=feature, decoy=decoy, theta=theta, x=hide(feature, decoy, theta))


def test_finds_narrow_features_that_are_not_gaussian(leaky: Scene) -> None:
    rng = np.random.default_rng(0)
    splits = {name: skewed(getattr(leaky, name), rng) for name in ("train", "validation", "test")}
    scene = replace(leaky, **splits, repeats={}, pool=None, device=Narrow())
    found = attack_scene(DensityRatio(), scene, EFFORT, 0)
    assert circular_error(found.estimate, scene.test.theta).mean() < 0.9  # chance is 1.571
    assert found.curve[-1].validation < found.curve[0].validation < 2.2  # ln 8 = 2.08 where nothing is known
    posterior = found.get(SearchedPosterior)
    np.testing.assert_allclose(posterior.test.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(best_guess(posterior.test), found.estimate)
    angles, folds = found.get(SearchedAngles), found.get(SearchedFolds)
    np.testing.assert_array_equal(angles.test, found.estimate)
    assert circular_error(angles.validation, scene.validation.theta).mean() < 0.9
    assert circular_error(folds.mod_pi, scene.test.theta, np.pi).mean() < np.pi / 4
