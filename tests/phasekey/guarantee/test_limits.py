"""Bounds on attackers, held to attacks on channels whose information is known."""

import math

import numpy as np
import pytest

from phasekey.guarantee import GuaranteeError, error_at_least, mean_at_most, success_at_most


def symmetric_channel(classes, right):
    """Information of a channel that shows the label with probability `right`, else any other; nats."""
    wrong = (1 - right) / (classes - 1)
    noise = -right * math.log(right) - (classes - 1) * wrong * math.log(wrong)
    return math.log(classes) - noise


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("right", [0.3, 0.6, 0.9])
def test_a_symmetric_channel_meets_fano(classes, right):
    """Its best guess is what it shows, and no bound from its information alone can be sharper."""
    right = max(right, 1 / classes)
    nats = symmetric_channel(classes, right)
    assert error_at_least(nats, classes) == pytest.approx(1 - right, abs=1e-7)


def test_no_channel_beats_either_bound():
    random = np.random.default_rng(0)
    for _ in range(300):
        classes, outputs = random.integers(2, 6, 2)
        prior = random.dirichlet(np.full(classes, 2.0))
        channel = random.dirichlet(np.full(outputs, 0.3), classes)
        joint = prior[:, None] * channel
        seen = joint.sum(0)
        nats = float((joint * np.log(np.maximum(joint, 1e-300) / (prior[:, None] * seen))).sum())
        best = joint.max(0).sum()
        assert best <= success_at_most(max(nats, 0), prior.max()) + 1e-9
        scores = random.uniform(-1, 1, (classes, outputs))
        blind = (prior[:, None] * seen * scores).sum()
        assert (joint * scores).sum() <= mean_at_most(max(nats, 0), blind, 2.0) + 1e-9


def test_nothing_told_is_chance_and_everything_told_is_everything():
    assert error_at_least(0.0, 10) == pytest.approx(0.9, abs=1e-6)
    assert error_at_least(math.log(10), 10) == pytest.approx(0, abs=1e-9)
    assert error_at_least(50.0, 10) == 0
    assert success_at_most(0.28, 0.1) < 0.1 + math.sqrt(0.28 / 2)
    assert mean_at_most(0.0, 0.2, 2.0) == 0.2


@pytest.mark.parametrize(
    "call",
    [
        lambda: success_at_most(-0.1, 0.5),
        lambda: success_at_most(0.1, 0.0),
        lambda: error_at_least(0.1, 1),
        lambda: mean_at_most(-1, 0, 1),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(GuaranteeError):
        call()
