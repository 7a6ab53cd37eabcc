"""The exact likelihood of a feature after several transmissions, with known images as the prior.

W = aaᵀ + V, V ~ Wishart_D(k - 1, σ²I) of k - 1 decoys. V's density at W - aaᵀ (Muirhead 1982, theorem 3.2.1),
with |W - aaᵀ| = |W| (1 - aᵀW⁻¹a), gives for k > D

  p(W | a) ∝ (1 - aᵀW⁻¹a)₊^((k-D-2)/2) · e^{|a|²/2σ²},

and transmissions of one feature multiply. Known images are the particles: each new transmission weighs them
anew, as in sequential importance sampling (Doucet, de Freitas and Gordon 2001, section 1.3), and what is
asked is read off their weights. No network, no training: nothing is left to be tuned but the prior.
Near-duplicates have features of their own, so a particle that a W excludes by little must not be excluded.
"""

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.claims.transmissions import Floats

Scores = NDArray[np.float64]

PART = 200  # transmissions at a time
NEARLY = 0.02  # least of 1 - aᵀW⁻¹a that a particle is given where there are several transmissions


def log_likelihood(particles: Floats, w: Floats, components: int, sigma: float, least: float = 0.0) -> Scores:
    """Score features by one transmission each.

    Args:
        particles: features a that may be the one, (P, D).
        w: XᵀX of transmissions, (N, D, D).
        components: k, above D.
        sigma: σ of the decoys.
        least: below which 1 - aᵀW⁻¹a is not taken to fall; 0: what W excludes is excluded.

    Returns:
        ln p(W | a) but for what does not hang on a, (N, P); -inf where W - aaᵀ is not positive.
    """
    values = particles.shape[1]
    flat = (particles[:, :, None] * particles[:, None, :]).reshape(len(particles), -1).astype(np.float64)
    inverse = np.linalg.inv(w.astype(np.float64)).reshape(len(w), -1)
    left = np.maximum(1 - inverse @ flat.T, least)
    with np.errstate(divide="ignore"):
        logs = 0.5 * (components - values - 2) * np.log(np.maximum(left, 0))
    # At k = D + 2 the exponent is 0, and what is excluded stays so.
    logs = np.where(left > 0, logs, -np.inf)
    lengths = (particles.astype(np.float64) ** 2).sum(1)
    scores: Scores = logs + lengths / (2 * sigma**2)
    return scores


def weights(particles: Floats, seen: Floats, components: int, sigma: float) -> Scores:
    """Weigh features by all transmissions of one image.

    Args:
        particles: known features, (P, D).
        seen: W of n near-duplicates of each image, (N, n, D, D).
        components: k.
        sigma: σ.

    Returns:
        (N, P), rows sum to 1; even where no particle fits.
    """
    parts = np.array_split(seen, -(-len(seen) // PART))
    return np.concatenate([_weights(particles, part, components, sigma) for part in parts])


def _weights(particles: Floats, seen: Floats, components: int, sigma: float) -> Scores:
    least = NEARLY if seen.shape[1] > 1 else 0.0
    total = np.zeros((len(seen), len(particles)))
    for number in range(seen.shape[1]):
        total += log_likelihood(particles, seen[:, number], components, sigma, least)
    top = total.max(1, keepdims=True)
    raised = np.exp(total - np.where(np.isfinite(top), top, 0.0))
    raised[~np.isfinite(top[:, 0])] = 1.0
    found: Scores = raised / raised.sum(1, keepdims=True)
    return found


def labels_of(weight: Scores, labels: NDArray[np.int64], classes: int) -> Scores:
    """Read class probabilities off weights: (N, P), labels (P,) -> (N, K)."""
    found: Scores = weight @ np.eye(classes)[labels]
    return found


def direction_of(weight: Scores, particles: Floats) -> Floats:
    """Guess the direction that has the largest mean squared cosine: (N, P), (P, D) -> (N, D), unit length."""
    unit = particles / np.maximum(np.linalg.norm(particles, axis=1, keepdims=True), 1e-12)
    outer = (unit[:, :, None] * unit[:, None, :]).reshape(len(unit), -1)
    moment = (weight @ outer).reshape(len(weight), *2 * (unit.shape[1],))
    return np.asarray(np.linalg.eigh(moment)[1][:, :, -1], np.float32)


def named(candidates: Floats, seen: Floats, components: int, sigma: float) -> NDArray[np.bool_]:
    """Name the image among several: the likelihood's own choice, the best there is for one transmission.

    Args:
        candidates: (N, m, D), the right feature first.
        seen: (N, n, D, D).
        components: k.
        sigma: σ.

    Returns:
        Whether the first was likeliest, (N,).
    """
    right = [
        _weights(some, each[None], components, sigma)[0].argmax() == 0
        for some, each in zip(candidates, seen, strict=True)
    ]
    return np.asarray(right, bool)
