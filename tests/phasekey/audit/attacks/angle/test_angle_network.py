from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phasekey.audit.artefacts import FoldedAngles, Posterior, PosteriorAngles, QuarterAngles
from phasekey.audit.attack import Findings
from phasekey.audit.attacks.angle.angle_network import AngleNetwork
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene

FindingsOf = Callable[[str, str], Findings]
SHORT = replace(EFFORTS["control"], angle_steps=20)
SAME = 1e-3  # rad, nats: what rounding may grow to in 20 steps; another seed is off by 0.03


def error(guess: np.ndarray, theta: np.ndarray, period: float = 2 * np.pi) -> float:
    return float(circular_error(guess, theta, period).mean())


def test_hands_angles_on_for_every_split(leaky: Scene, findings_of: FindingsOf) -> None:
    angles = findings_of("angle-network", "leaky").get(PosteriorAngles)
    for name, samples in (("train", leaky.train), ("validation", leaky.validation)):
        guess = getattr(angles, name)
        assert guess.dtype == np.float64
        assert error(guess, samples.theta[: len(guess)]) < 0.1


def test_gives_a_posterior(leaky: Scene, findings_of: FindingsOf) -> None:
    posterior = findings_of("angle-network", "leaky").get(Posterior).test
    assert posterior.shape == (len(leaky.test), EFFORTS["control"].angles)
    np.testing.assert_allclose(posterior.sum(1), 1, rtol=1e-4)


def test_same_seed_same_findings(leaky: Scene, watch: object) -> None:
    first, second = (attack_scene(AngleNetwork(), leaky, SHORT, 5) for _ in range(2))
    assert error(first.estimate, second.estimate) < SAME
    losses = [[point.validation for point in found.curve] for found in (first, second)]
    np.testing.assert_allclose(*losses, atol=SAME)


def test_takes_a_finer_angle_where_validation_says_so(leaky: Scene, watch: object) -> None:
    quarter = np.pi / 2
    true = {
        name: part.theta % quarter
        for name, part in (("train", leaky.train), ("validation", leaky.validation))
    }
    fine = QuarterAngles(test=leaky.test.theta % quarter, **true)
    found = attack_scene(AngleNetwork(), leaky, SHORT, 5, fine)
    assert error(found.estimate, leaky.test.theta, quarter) < 1e-6
    assert error(found.estimate, leaky.test.theta) < 0.2
    assert found.get(FoldedAngles) is None  # the estimate is the best there is modulo π too


def test_leaves_a_coarser_angle_alone(leaky: Scene, watch: object) -> None:
    wrong = {"train": leaky.train.theta + 0.7, "validation": leaky.validation.theta + 0.7}
    coarse = QuarterAngles(test=leaky.test.theta + 0.7, **wrong)
    alone = attack_scene(AngleNetwork(), leaky, SHORT, 5)
    together = attack_scene(AngleNetwork(), leaky, SHORT, 5, coarse)
    assert error(together.estimate, alone.estimate) < SAME
