"""The search over O(k): it finds rows that have a shape, and nothing where mixtures look as rows do."""

import numpy as np
import pytest

from phasekey.audit.claims.anonymous import separation
from phasekey.audit.claims.anonymous.ratio_search import search, train_score
from phasekey.audit.claims.transmissions import draw_secrets, mix

D, STEPS = 24, 400


def sparse(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.laplace(size=(count, D)) * (rng.random((count, D)) < 0.3) * 2).astype(np.float32)


def normal(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, D)).astype(np.float32)


def matches(law, components: int) -> float:
    rows = np.stack([law(30, 10 + row) for row in range(components)], axis=1)
    secrets = draw_secrets("orthogonal", len(rows), components, np.random.default_rng(1))
    blind = draw_secrets("orthogonal", len(rows), components, np.random.default_rng(2))
    score = train_score(law(3_000, 3), components, steps=STEPS, seed=0)
    found = search(mix(rows, secrets), score, blind, 0)
    product = found @ found.swapaxes(1, 2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(components), product.shape), atol=1e-4)
    return float(np.mean([separation.row_match(e, q).mean() for e, q in zip(found, secrets, strict=True)]))


@pytest.mark.parametrize(("components", "least"), [(2, 0.9), (4, 0.7)])
def test_rows_with_a_shape_are_found_from_random_starts(components: int, least: float) -> None:
    assert matches(sparse, components) > least


def test_mixtures_of_normal_rows_are_normal_rows() -> None:
    """A Gaussian has no axes: what is found is no nearer to the rows than a random direction."""
    rng = np.random.default_rng(4)
    blind = np.abs(draw_secrets("orthogonal", 2_000, 2, rng)).max(axis=1).mean()
    assert matches(normal, 2) == pytest.approx(blind, abs=0.05)
