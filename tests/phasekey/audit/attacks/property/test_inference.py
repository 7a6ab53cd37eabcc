"""What the inference attacks build on."""

import numpy as np
import pytest

from phasekey.audit.attack import Findings
from phasekey.audit.attackers.classifiers import seen
from phasekey.audit.attacks.property.inference_1 import InferenceOne
from phasekey.audit.attacks.property.inference_4 import InferenceFour
from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Scene


def test_neighbours_report_every_k_and_the_one_that_validation_chose(findings_of, leaky: Scene) -> None:
    found = findings_of("inference-4", "leaky")
    best = int(found.extra["best_k"][0])
    np.testing.assert_array_equal(found.estimate, found.extra[f"k{best}"])
    assert {"k1", "k3", "k5"} <= found.extra.keys()


def test_one_neighbour_is_the_nearest_known_feature(leaky: Scene, watch) -> None:
    """Against a naive search, with the right key."""
    known, asked = (part.feature.reshape(len(part), -1) for part in (leaky.train, leaky.test))
    nearest = [int(np.argmin(((known - row) ** 2).sum(1))) for row in asked]
    key = {"train": leaky.train.theta, "validation": leaky.validation.theta}
    told = Findings(leaky.test.theta, extra=key)
    found = InferenceFour().run(leaky, EFFORTS["control"], 0, {"told": told}, watch)
    assert (found.extra["k1"] == leaky.train.property[nearest]).mean() > 0.99  # a* is a but for rounding


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
        attack.run(leaky, EFFORTS["control"], 0, {}, watch)
