"""The angle network: harmonics against numpy, leaks that were planted, and chance where there is none."""

import math

import numpy as np
import pytest
import torch

from phasekey.training.defences import AngleDefence
from phasekey.training.defences.angle import HARMONICS, angle_errors, harmonics

from .conftest import SHAPES, gaussian, leaky, train

CHANCE = {
    "angle_error_circle": math.pi / 2,
    "angle_error_mod_pi": math.pi / 4,
    "angle_error_mod_half_pi": math.pi / 8,
}


def test_harmonics_are_powers_on_the_unit_circle():
    theta = np.random.default_rng(0).uniform(0, 2 * np.pi, 50)
    found = harmonics(torch.from_numpy(theta)).numpy()
    for index, order in enumerate((1, 2, 4)):
        np.testing.assert_allclose(found[:, index, 0] + 1j * found[:, index, 1], np.exp(1j * theta) ** order)


def test_a_guess_that_is_off_by_a_little_errs_by_that_little_in_every_harmonic():
    theta = 2 * math.pi * torch.rand(100, dtype=torch.float64)
    np.testing.assert_allclose(angle_errors(harmonics(theta + 0.3), theta), 0.3, rtol=1e-9)
    np.testing.assert_allclose(angle_errors(5 * harmonics(theta), theta), 0, atol=1e-9)


def test_a_guess_that_takes_a_for_its_negative_errs_on_the_circle_only():
    theta = 2 * math.pi * torch.rand(100, dtype=torch.float64)
    np.testing.assert_allclose(angle_errors(harmonics(theta + math.pi), theta), [math.pi, 0, 0], atol=1e-9)


def test_a_constant_guess_scores_chance():
    theta = torch.linspace(0, 2 * math.pi, 1001, dtype=torch.float64)[:-1]
    constant = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1000, 3, 2)
    np.testing.assert_allclose(angle_errors(constant, theta), list(CHANCE.values()), rtol=1e-3)
    assert HARMONICS == (1, 2, 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_network_finds_the_angle_of_a_planted_leak(shape):
    figures = train(AngleDefence(shape), leaky, shape, 100)
    assert figures["angle_error_circle"] < 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_the_network_stays_at_chance_where_nothing_leaks(shape):
    defence = AngleDefence(shape)
    train(defence, gaussian, shape, 60)
    figures = defence.attack(gaussian(shape, 4000), gaussian(shape, 4000))
    for name, chance in CHANCE.items():
        assert figures[name] == pytest.approx(chance, rel=0.06)


def test_the_encoders_step_lowers_the_alignment():
    defence = AngleDefence((16,))
    train(defence, leaky, (16,), 40)
    feature, decoy = leaky((16,)).requires_grad_(), leaky((16,))

    def alignment(feature):
        torch.manual_seed(3)
        return defence.penalty(feature, decoy)

    before = alignment(feature)
    before.backward()
    assert float(before.detach()) > 0.3
    moved = feature - 0.2 * feature.norm() / feature.grad.norm() * feature.grad
    assert float(alignment(moved).detach()) < float(before.detach()) - 0.05


def test_a_guess_counts_no_more_than_one():
    """Else the encoder would win by features that make guesses long, not wrong."""
    defence = AngleDefence((4,))
    with torch.no_grad():
        defence.adversary.head.weight.mul_(1000)
    assert abs(float(defence.penalty(leaky((4,)), leaky((4,))).detach())) <= 1
