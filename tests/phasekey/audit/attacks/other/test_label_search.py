from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phasekey.audit.artefacts import AnswerAngles
from phasekey.audit.attack import Findings
from phasekey.audit.attacks.other.label_search import LabelSearch
from phasekey.audit.budget import EFFORTS
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


def test_labels_that_go_together_are_left_out(leaky: Scene) -> None:
    several = replace(leaky.train, labels=np.zeros((len(leaky.train), 3), np.int64))
    assert "several labels" in LabelSearch().why_not(view_of(replace(leaky, train=several)))
    assert LabelSearch().why_not(view_of(leaky)) is None
