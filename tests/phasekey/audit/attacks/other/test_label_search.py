from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phasekey.audit.artefacts import AnswerAngles, Posterior, SearchedPosterior
from phasekey.audit.attack import Findings
from phasekey.audit.attacks.other.label_search import LabelSearch
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.circle import softmax
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scene.view import view_of


def test_reads_answers_off_the_decoder_alone(leaky: Scene, watch: object) -> None:
    found = attack_scene(LabelSearch(), leaky, EFFORTS["control"], 0)
    assert (found.estimate != leaky.test.labels).mean() < 0.6  # chance 0.9


def test_knowing_the_angle_it_reads_what_the_user_reads(
    leaky: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    found = findings_of("label-search", "leaky")
    right = leaky.device.decode(leaky.device.process(unrotate(leaky.test.x, leaky.test.theta))).argmax(1)
    assert (found.reference == right).mean() > 0.99  # but for ties, which rounding decides
    assert (found.estimate == right).mean() > 0.95
    assert circular_error(found.get(AnswerAngles).test, leaky.test.theta, 2 * np.pi).mean() < 0.1


def test_the_better_of_two_posteriors_is_heeded(leaky: Scene) -> None:
    """One knows the angle, the other one knows nothing, in either order."""
    turns = np.arange(EFFORTS["control"].angles)
    peaks = {
        name: softmax(-2.0 * np.abs(np.angle(np.exp(1j * (2 * np.pi * turns / len(turns) - theta[:, None])))))
        for name, theta in (("validation", leaky.validation.theta), ("test", leaky.test.theta))
    }
    knows = Posterior(**peaks)
    blind = SearchedPosterior(*(np.full_like(each, 1 / len(turns)) for each in peaks.values()))
    alone = attack_scene(LabelSearch(), leaky, EFFORTS["control"], 0)
    wrong = [
        (
            attack_scene(LabelSearch(), leaky, EFFORTS["control"], 0, *known).estimate != leaky.test.labels
        ).mean()
        for known in ((knows, blind), (blind, knows))
    ]
    assert wrong[0] == wrong[1] < (alone.estimate != leaky.test.labels).mean()


def test_labels_that_go_together_are_left_out(leaky: Scene) -> None:
    several = replace(leaky.train, labels=np.zeros((len(leaky.train), 3), np.int64))
    assert "several labels" in LabelSearch().why_not(view_of(replace(leaky, train=several)))
    assert LabelSearch().why_not(view_of(leaky)) is None


def _wrong(scene: Scene, *known: Posterior) -> float:
    found = attack_scene(LabelSearch(), scene, EFFORTS["control"], 0, *known)
    return float((found.estimate != scene.test.labels).mean())
