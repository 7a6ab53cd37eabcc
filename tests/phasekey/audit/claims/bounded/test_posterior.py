"""The exact likelihood against scipy's Wishart law, and what is read off it against counting."""

import numpy as np
import pytest
from scipy import stats

from phasekey.audit.claims.bounded.posterior import direction_of, labels_of, log_likelihood, named, weights
from phasekey.audit.claims.transmissions import gram_of, with_gaussian_decoys
from phasekey.guarantee import limits, nats_per_transmission

D, K, SIGMA = 3, 8, 1.5


def sphere(count: int, seed: int, values: int = D) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((count, values))
    return (np.sqrt(values) * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("components", [D + 2, K])
def test_it_is_the_wishart_density_of_what_is_left_without_the_feature(components: int) -> None:
    """Up to what does not hang on a; features of several lengths."""
    particles = sphere(20, 0) * np.linspace(0.2, 1.2, 20, dtype=np.float32)[:, None]
    w = gram_of(with_gaussian_decoys(particles[:1], components, SIGMA, np.random.default_rng(1)))
    found = log_likelihood(particles, w, components, SIGMA)[0]
    law = stats.wishart(components - 1, SIGMA**2 * np.eye(D))
    for mine, a in zip(found, particles.astype(float), strict=True):
        left = w[0] - np.outer(a, a)
        if np.linalg.eigvalsh(left).min() <= 1e-6:
            assert mine == -np.inf
        else:
            expected = law.logpdf(left) - law.logpdf(w[0] - np.outer(particles[0], particles[0]))
            assert mine - found[0] == pytest.approx(expected, abs=1e-3)


def test_weights_are_the_frequencies_of_what_was_sent() -> None:
    """Calibrated: over many transmissions, particles of weight p were the right ones a share p of times."""
    particles, rng = sphere(5, 2), np.random.default_rng(3)
    truth = rng.integers(5, size=8_000)
    w = gram_of(with_gaussian_decoys(particles[truth], K, SIGMA, rng))[:, None]
    weight = weights(particles, w, K, SIGMA)
    np.testing.assert_allclose(weight.sum(1), 1)
    for low, high in ((0.1, 0.2), (0.2, 0.3), (0.3, 0.5)):
        chosen = (weight >= low) & (weight < high)
        right = (np.arange(5) == truth[:, None])[chosen]
        assert right.mean() == pytest.approx(weight[chosen].mean(), abs=0.03)


def test_where_nothing_fits_all_particles_are_even() -> None:
    small = np.eye(D, dtype=np.float32)[None, None] * 1e-3
    np.testing.assert_allclose(weights(sphere(4, 4), small, K, SIGMA), 0.25)


def test_labels_and_direction_are_read_off_the_weights() -> None:
    weight = np.array([[0.5, 0.25, 0.25, 0.0]])
    np.testing.assert_allclose(labels_of(weight, np.array([1, 0, 0, 1]), 2), [[0.5, 0.5]])
    particles = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    np.testing.assert_allclose(np.abs(direction_of(weight, particles)), [[1, 0, 0]], atol=1e-6)


def test_an_image_is_named_more_often_the_more_is_sent_and_never_beyond_fano() -> None:
    feature, rng = sphere(1_500, 5, 6), np.random.default_rng(6)
    nats = nats_per_transmission(6, 18, 2.0)
    candidates = np.stack([np.roll(feature, shift, axis=0) for shift in range(4)], axis=1)
    sent = np.stack([gram_of(with_gaussian_decoys(feature, 18, 2.0, rng)) for _ in range(16)], axis=1)
    rates = {count: named(candidates, sent[:, :count], 18, 2.0).mean() for count in (1, 4, 16)}
    assert 0.25 < rates[1] + 0.02 < rates[4] < rates[16]
    assert all(rate < limits.success_at_most(count * nats, 0.25) for count, rate in rates.items())
