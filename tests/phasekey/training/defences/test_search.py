"""The phase search: turned candidates against numpy, planted leaks, chance, and what the encoder gains."""

import math

import numpy as np
import pytest
import torch

from phasekey.training.defences import SearchDefence
from phasekey.training.defences.search import ANGLES, Search, candidates

from .conftest import gaussian, leaky, train

SHAPE = (16,)


def information(defence, feature, decoy):
    """What the search knows of the angle, before it learns from these."""
    return defence.attack(feature, decoy)["angle_information"]


def test_candidates_are_the_mixture_turned_and_the_first_is_not():
    a, b = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.manual_seed(1)
    real, imaginary = (side.numpy() for side in candidates(a, b))
    torch.manual_seed(1)
    phi = 2 * math.pi * torch.rand(ANGLES, 5, 1).numpy()
    phi[0] = 0
    expected = (a.numpy() + 1j * b.numpy()) * np.exp(1j * phi)
    np.testing.assert_allclose(real + 1j * imaginary, expected, atol=1e-6)
    np.testing.assert_allclose(real[0], a)


@pytest.mark.parametrize("decoys_are_gaussian", [True, False])
def test_the_search_finds_a_planted_leak(decoys_are_gaussian):
    defence = SearchDefence(SHAPE, gaussian=decoys_are_gaussian)
    draw = gaussian if decoys_are_gaussian else leaky
    for _ in range(60):
        defence.attack(leaky(SHAPE), draw(SHAPE))
    assert information(defence, leaky(SHAPE, 1000), draw(SHAPE, 1000)) > 0.8  # of log 8 = 2.08


def test_it_tells_axes_where_only_the_variance_differs():
    """No mean, no sign: a is twice as large as b."""
    defence = SearchDefence(SHAPE, gaussian=True)
    for _ in range(60):
        defence.attack(2 * gaussian(SHAPE), gaussian(SHAPE))
    assert information(defence, 2 * gaussian(SHAPE, 1000), gaussian(SHAPE, 1000)) > 0.15


@pytest.mark.parametrize("decoys_are_gaussian", [True, False])
def test_the_search_stays_at_chance_where_nothing_leaks(decoys_are_gaussian):
    defence = SearchDefence(SHAPE, gaussian=decoys_are_gaussian)
    train(defence, gaussian, SHAPE, 60)
    assert information(defence, gaussian(SHAPE, 4000), gaussian(SHAPE, 4000)) < 0.01


def test_a_gaussian_decoy_is_not_looked_at_for_itself():
    assert Search(4, both=False).imaginary is None
    assert Search(4, both=True).imaginary is not None


def test_the_slope_counts_in_values_of_order_one():
    """A score whose gradient is (1, ..., 1) on features of variance one has slope D, whatever their norm."""
    defence = SearchDefence((4,), gaussian=True)
    with torch.no_grad():
        for value in defence.adversary.parameters():
            value.zero_()
        defence.adversary.real.squares.weight.fill_(0.5)  # score |v|²/2, whose gradient is v
    feature = torch.randn(4000, 4)
    unit = feature / 2  # of norm about 1
    slope = defence._slope(unit, torch.randn(4000, 4) / 2)
    assert float(slope.detach()) == pytest.approx(4, rel=0.05)


def test_the_encoders_step_takes_information_away():
    defence = SearchDefence(SHAPE, gaussian=True)
    for _ in range(60):
        defence.attack(leaky(SHAPE), gaussian(SHAPE))
    feature, decoy = leaky(SHAPE, 500).requires_grad_(), gaussian(SHAPE, 500)
    defence.penalty(feature, decoy).backward()
    moved = (feature - 0.3 * feature.norm() / feature.grad.norm() * feature.grad).detach()
    before = information(defence, feature.detach(), decoy)
    assert information(defence, moved, decoy) < before - 0.1
