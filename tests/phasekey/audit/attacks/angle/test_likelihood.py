from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phasekey.audit.attack import Findings
from phasekey.audit.attacks.angle.likelihood import Likelihood
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import turn
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene


def test_the_guess_turns_with_the_transmission(
    leaky: Scene, findings_of: Callable[[str, str], Findings], watch: object
) -> None:
    quarter = np.full(len(leaky.test), np.pi / 2)  # the searched angles map onto each other
    turned = replace(leaky, test=replace(leaky.test, x=turn(leaky.test.x, quarter)))
    found = attack_scene(Likelihood(), turned, EFFORTS["control"], 0).estimate
    before = findings_of("likelihood", "leaky").estimate
    assert np.median(circular_error(found, before + np.pi / 2, 2 * np.pi)) < 1e-3
