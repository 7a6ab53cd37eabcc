"""What the inference attacks build on."""

import numpy as np
import pytest

from phasekey.audit.artefacts import AngleEstimates
from phasekey.audit.attackers.classifiers import seen
from phasekey.audit.attacks.property.inference_1 import InferenceOne
from phasekey.audit.attacks.property.inference_4 import InferenceFour
from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene


def test_neighbours_are_the_nearest_known_features(leaky: Scene) -> None:
    """Against a naive search, with the right key."""
    known, asked = (part.feature.reshape(len(part), -1) for part in (leaky.train, leaky.test))
    near = [np.argsort(((known - row) ** 2).sum(1))[:5] for row in asked]
    votes = {k: [np.bincount(leaky.train.property[rows[:k]]).argmax() for rows in near] for k in (1, 3, 5)}
    told = AngleEstimates(leaky.train.theta, leaky.validation.theta, leaky.test.theta)
    found = attack_scene(InferenceFour(), leaky, EFFORTS["control"], 0, told)
    for guess in (found.estimate, found.reference):  # a* is a but for rounding
        assert max((guess == vote).mean() for vote in votes.values()) > 0.99


def test_a_classifier_sees_the_recovered_feature_and_what_the_cloud_makes_of_it(leaky: Scene) -> None:
    theta = leaky.test.theta[:5]
    values = seen(leaky, leaky.test, theta)
    feature = leaky.test.feature[:5].reshape(5, -1)
    np.testing.assert_allclose(values[:, : feature.shape[1]], feature, atol=1e-4)
    turned = unrotate(leaky.device.process(leaky.test.x[:5]), theta).reshape(5, -1)
    np.testing.assert_allclose(values[:, feature.shape[1] :], turned, atol=1e-4)


@pytest.mark.parametrize("attack", [InferenceOne(), InferenceFour()], ids=lambda attack: attack.name)
def test_says_what_must_run_before(attack, leaky: Scene, watch) -> None:
    with pytest.raises(AuditError, match="before"):
        attack_scene(attack, leaky, EFFORTS["control"], 0)
