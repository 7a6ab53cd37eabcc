from collections.abc import Callable

import numpy as np

from phasekey.audit.attack import Findings
from phasekey.audit.attacks.angle.best_of_k import GUESSES, BestOfK
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene


def test_the_first_guess_is_about_the_networks_own(
    leaky: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    found, own = (findings_of(name, "leaky").estimate for name in ("best-of-k", "angle-network"))
    assert found.shape == (len(leaky.test), GUESSES)
    assert np.median(circular_error(found[:, 0], own, 2 * np.pi)) < 0.15


def test_without_a_network_the_guesses_are_evenly_spaced(gaussian: Scene, watch: object) -> None:
    found = np.sort(attack_scene(BestOfK(), gaussian, EFFORTS["control"], 0).estimate, axis=1)
    np.testing.assert_allclose(np.diff(found), 2 * np.pi / GUESSES, atol=1e-6)
