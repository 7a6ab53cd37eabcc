"""Eq. 8 and its critic: against hand-computed values, and against leaks that were planted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.training.defences import WassersteinDefence
from phasekey.training.defences.wasserstein import gradient_penalty, wrongly_unrotated

from .conftest import SHAPES, gaussian, leaky, train


class HalfSquare(nn.Module):
    """D(v) = |v|² / 2, whose gradient is v."""

    def forward(self, v):
        return v.flatten(1).square().sum(1) / 2


def test_the_gradient_penalty_of_a_known_slope():
    """|∇D(v)| = |v| = 5 at v = (3, 4), and 13 at (5, 12): penalties 4² and 12², mean 80."""
    v = torch.tensor([[3.0, 4.0], [5.0, 12.0]])
    assert gradient_penalty(HalfSquare(), v, v).item() == pytest.approx(80)


def test_the_gradient_penalty_looks_uniformly_between_right_and_wrong():
    """Between 0 and 1 the slope is u ~ U(0, 1): E[(u - 1)²] = 1/3."""
    ends = torch.zeros(20000, 1), torch.ones(20000, 1)
    assert gradient_penalty(HalfSquare(), *ends).item() == pytest.approx(1 / 3, rel=0.03)


def test_the_gradient_penalty_teaches_the_critic():
    """D(v) = w·v: d/dw (|w| - 1)² = 2 (|w| - 1) w / |w|, here 2 · 4 · (0.6, 0.8)."""
    critic = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Flatten(0))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
    gradient_penalty(critic, torch.randn(3, 2), torch.randn(3, 2)).backward()
    np.testing.assert_allclose(critic[0].weight.grad, [[4.8, 6.4]], rtol=1e-5)


def test_wrong_features_are_equation_8():
    """The first two values carry the angle; the complex product with it must give the others."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 6))
    a[:, :2], b[:, :2] = [1, 0], [0, 1]
    wrong = wrongly_unrotated(torch.from_numpy(a), torch.from_numpy(b), 3).numpy()
    angle = np.arctan2(-wrong[:, 1], wrong[:, 0])
    expected = ((np.tile(a, (3, 1)) + 1j * np.tile(b, (3, 1))) * np.exp(1j * angle)[:, None]).real
    np.testing.assert_allclose(wrong, expected, atol=1e-6)
    assert (angle > 0).all()
    assert (angle < math.pi).all()
    assert len(np.unique(angle.round(6))) == 150
    assert angle.mean() == pytest.approx(math.pi / 2, abs=0.25)


@pytest.mark.parametrize("kind", ["gp", "clip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_critic_separates_a_planted_leak(shape, kind):
    figures = train(WassersteinDefence(shape, kind=kind, angles=3), leaky, shape, 80)
    assert figures["critic_gap"] / max(1, figures["critic_gradient"]) > 0.3


@pytest.mark.parametrize("kind", ["gp", "clip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_critic_separates_nothing_where_nothing_leaks(shape, kind):
    figures = train(WassersteinDefence(shape, kind=kind, angles=3), gaussian, shape, 80)
    assert abs(figures["critic_gap"]) / max(1, figures["critic_gradient"]) < 0.1


def test_a_penalised_critic_is_neither_flat_nor_steep():
    figures = train(WassersteinDefence((16,), kind="gp", angles=3), leaky, (16,), 80)
    assert 0.5 < figures["critic_gradient"] < 2


def test_a_clipped_critic_that_is_driven_long_shows_that_it_is_saturated():
    """The figure tells a critic that has just begun from one that has run into its bounds."""
    defence = WassersteinDefence((16,), kind="clip", angles=3)
    first = defence.attack(leaky((16,)), leaky((16,)))["critic_at_bound"]
    assert first < 0.1
    assert train(defence, leaky, (16,), 250)["critic_at_bound"] > 0.9


def gap(defence, feature, decoy):
    torch.manual_seed(3)
    return float(defence.penalty(feature, decoy).detach())


@pytest.mark.parametrize("kind", ["gp", "clip"])
def test_the_critics_step_widens_the_gap_and_the_encoders_step_narrows_it(kind):
    """Eq. 8: max over D, min over g."""
    defence = WassersteinDefence((16,), kind=kind, angles=3)
    feature, decoy = leaky((16,)), leaky((16,))
    before = gap(defence, feature, decoy)
    for _ in range(30):
        defence.attack(feature, decoy)
    attacked = gap(defence, feature, decoy)
    assert attacked > before + 0.1
    feature.requires_grad_()
    torch.manual_seed(3)
    defence.penalty(feature, decoy).backward()
    moved = (feature - 0.2 * feature.norm() / feature.grad.norm() * feature.grad).detach()
    assert gap(defence, moved, decoy) < attacked - 0.05
