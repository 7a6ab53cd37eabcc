"""The sliced distance: near zero for N(0, I), and larger for laws that differ in one respect only."""

import numpy as np
import pytest
import torch

from phasekey.training.defences.sliced import (
    SLICES,
    directions,
    distance_to_gaussian,
    length_distance,
    normal_quantiles,
)

COUNT, WIDTH = 2000, 12


def drawn():
    return torch.randn(COUNT, WIDTH, dtype=torch.float64)


def others():
    bits = torch.randint(0, 2, (COUNT, WIDTH)).double()
    yield "mean", drawn() + 0.3
    yield "scale", 1.3 * drawn()
    yield "two points", 2 * bits - 1
    yield "one value for all", torch.randn(COUNT, 1, dtype=torch.float64).expand(COUNT, WIDTH)


@pytest.mark.parametrize("kind", ["mean", "scale", "two points", "one value for all"])
def test_a_law_that_differs_lies_farther_than_the_gaussian(kind):
    torch.manual_seed(0)
    near = float(distance_to_gaussian(drawn()))
    assert near < 0.01
    assert float(distance_to_gaussian(dict(others())[kind])) > 5 * near


def test_lengths_follow_chi_squared():
    """Same directions, all of the same length: only the lengths tell."""
    torch.manual_seed(0)
    quantiles = normal_quantiles(COUNT, drawn())
    feature = drawn()
    on_a_sphere = feature / feature.norm(dim=1, keepdim=True) * WIDTH**0.5
    assert float(length_distance(feature, quantiles)) < 0.02
    assert float(length_distance(on_a_sphere, quantiles)) == pytest.approx(1, rel=0.1)


def test_directions_are_unit_vectors_half_of_them_sparse():
    found = directions(40, torch.zeros(1)).numpy()
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, rtol=1e-5)
    values = (found != 0).sum(0)
    assert (values[: SLICES // 2] == 4).all()
    assert (values[SLICES // 2 :] == 40).all()


def test_the_gradient_reaches_the_features():
    feature = drawn().requires_grad_()
    distance_to_gaussian(feature).backward()
    assert torch.isfinite(feature.grad).all()
    assert feature.grad.abs().sum() > 0
