from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.attack import Findings
from phasekey.audit.attacks.other.membership import Membership
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.result.result import Figure
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Floats, Samples, Scene
from phasekey.audit.scene.view import view_of

FiguresOf = Callable[[str, str], dict[str, Figure]]

SEED = 3  # of conftest.py


def test_knows_what_a_network_learnt_by_heart(figures_of: FiguresOf) -> None:
    figures = figures_of("membership", "memorising")
    assert figures["membership_auc"].value >= 0.99
    assert figures["membership_tpr_at_fpr_0.01"].value >= 0.95


@pytest.mark.parametrize("scene", ["gaussian", "constant"])
def test_is_at_chance_where_nothing_was_learnt(scene: str, figures_of: FiguresOf) -> None:
    figure = figures_of("membership", scene)["membership_auc"]
    assert figure.low <= 0.5 + 0.02


def test_rows_are_test_images_and_then_as_many_training_images(
    memorising: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    findings, count = findings_of("membership", "memorising"), len(memorising.test)
    assert findings.estimate.shape == (2 * count,)
    rows = np.random.default_rng(SEED).permutation(len(memorising.train))[:count]
    # By hand for the first training image, with the right angle.
    train, row = memorising.train, rows[:1]
    probability = memorising.device.decode(unrotate(train.x[row], train.theta[row])).max()
    assert findings.reference[count] == pytest.approx(np.log(probability / (1 - probability)), rel=1e-3)
    assert findings.estimate[count] <= findings.reference[count] + 0.1


class Sure:
    """Doesn't rotate; its probabilities are the first values of what it sends."""

    rotated, processes = False, True

    def process(self, x: Floats) -> Floats:
        return x

    def decode(self, processed: Floats) -> Floats:
        return processed.reshape(len(processed), -1)[:, :3]


@pytest.mark.parametrize("attributes", [False, True])
def test_devices_without_rotation_have_one_answer(leaky: Scene, watch: object, attributes: bool) -> None:
    shares = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]], np.float32)

    def plain(samples: Samples) -> Samples:
        labels = samples.labels[:2] if not attributes else np.ones((2, 3), np.int64)
        return replace(samples, x=shares, images=samples.images[:2], labels=labels, theta=None)

    scene = replace(leaky, device=Sure(), train=plain(leaky.train), test=plain(leaky.test))
    found = attack_scene(Membership(), scene, EFFORTS["control"], 0)
    np.testing.assert_array_equal(found.estimate, found.reference)
    odds = np.log([0.7 / 0.3, 0.2 / 0.8, 0.1 / 0.9])
    expected = np.abs(odds).mean() if attributes else odds[0]
    assert found.estimate[0] == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(found.estimate).all()


def test_needs_the_processing_module(leaky: Scene) -> None:
    class Half(Sure):
        processes = False

    assert "processing module" in Membership().why_not(view_of(replace(leaky, device=Half())))
