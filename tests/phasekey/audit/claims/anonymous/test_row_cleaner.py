"""The trained separator breaks rows that have a shape, at k = 2, 4, 8, and finds nothing in normal ones."""

import numpy as np
import pytest
import torch

from phasekey.audit.claims.anonymous import separation
from phasekey.audit.claims.anonymous.row_cleaner import OddNetwork, clean, train_cleaner
from phasekey.audit.claims.transmissions import draw_secrets, mix

SHAPE, COUNT = (3, 8, 8), 30


def sparse(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (count, *SHAPE)
    return (rng.laplace(size=shape) * (rng.random(shape) < 0.2) * 2).astype(np.float32)


def normal(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, *SHAPE)).astype(np.float32)


def blind_match(components: int) -> float:
    """What secrets that know nothing find."""
    rng = np.random.default_rng(4)
    return float(np.abs(draw_secrets("orthogonal", 2_000, components, rng)).max(axis=1).mean())


def matches(law, components: int, steps: int) -> float:
    rows = np.stack([law(COUNT, 10 + row) for row in range(components)], axis=1)
    secrets = draw_secrets("orthogonal", COUNT, components, np.random.default_rng(1))
    blind = draw_secrets("orthogonal", COUNT, components, np.random.default_rng(2))
    cleaner = train_cleaner(law(2_000, 3), components, steps=steps, seed=0)
    sent = mix(rows.reshape(COUNT, components, -1), secrets).reshape(rows.shape)
    found = clean(sent, cleaner, blind, 0)
    product = found @ found.swapaxes(1, 2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(components), product.shape), atol=1e-4)
    return float(np.mean([separation.row_match(e, q).mean() for e, q in zip(found, secrets, strict=True)]))


@pytest.mark.parametrize(("components", "steps", "least"), [(2, 400, 0.97), (4, 200, 0.88), (8, 200, 0.83)])
def test_rows_with_a_shape_are_found_from_blind_starts(components: int, steps: int, least: float) -> None:
    assert matches(sparse, components, steps) > least > blind_match(components) + 0.05


@pytest.mark.parametrize("components", [2, 4, 8])
def test_normal_rows_stay_hidden(components: int) -> None:
    """Mixtures of normal rows are normal rows: no axis is nearer to them than one drawn blindly."""
    assert matches(normal, components, 100) == pytest.approx(blind_match(components), abs=0.04)


def test_the_network_is_odd_on_maps_and_vectors() -> None:
    for shape in ((20, 3, 8, 8), (20, 12)):
        rows = torch.randn(shape)
        network = OddNetwork(rows)
        torch.testing.assert_close(network(-rows), -network(rows))
        assert network(rows).shape == rows.shape
