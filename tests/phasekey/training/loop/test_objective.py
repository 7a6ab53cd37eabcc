import math

import numpy as np
import pytest
import torch

from phasekey.training.loop.objective import disagreement, loss, num_correct

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.25, 1.5]])


def test_classes_cost_the_negative_log_of_the_softmax():
    values = LOGITS.double().numpy()
    shares = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    expected = -np.log([shares[0, 0], shares[1, 1]]).mean()
    assert float(loss(LOGITS, torch.tensor([0, 1]))) == pytest.approx(expected, rel=1e-6)


def test_attributes_cost_the_negative_log_of_the_sigmoid():
    labels = torch.tensor([[1, 0, 0], [0, 1, 1]])
    share = 1 / (1 + np.exp(-LOGITS.double().numpy()))
    expected = -np.log(np.where(labels.numpy() == 1, share, 1 - share)).mean()
    assert float(loss(LOGITS, labels)) == pytest.approx(expected, rel=1e-6)


def test_a_class_is_right_or_wrong():
    assert num_correct(LOGITS, torch.tensor([0, 1])) == 1


def test_attributes_are_right_by_share():
    """All three of the first image, one of three of the second."""
    assert num_correct(LOGITS, torch.tensor([[1, 0, 1], [1, 0, 1]])) == pytest.approx(4 / 3)


def test_disagreement_is_the_jensen_shannon_divergence():
    logits = torch.tensor([[[1.0, 0.5, -1.0]], [[0.0, 2.0, 0.3]], [[3.0, 1.0, 1.0]]], dtype=torch.float64)
    laws = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(2, keepdims=True)
    entropy = lambda law: -(law * np.log(law)).sum(-1)  # noqa: E731
    expected = entropy(laws.mean(0)) - entropy(laws).mean(0)
    assert float(disagreement(logits, exclusive=True)) == pytest.approx(float(expected.mean()), rel=1e-5)


@pytest.mark.parametrize("exclusive", [True, False])
def test_disagreement_is_nothing_for_one_answer_and_a_choice_for_opposite_ones(exclusive):
    one = torch.tensor([[60.0, -60.0], [-60.0, 60.0]])
    assert float(disagreement(torch.stack([one, one]), exclusive=exclusive)) == pytest.approx(0, abs=1e-6)
    opposite = disagreement(torch.stack([one, -one]), exclusive=exclusive)
    assert float(opposite) == pytest.approx(math.log(2), rel=1e-5)
