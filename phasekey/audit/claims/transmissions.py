"""Transmissions of k components, as an attacker simulates and receives them. Pure numpy.

M has k rows, the feature first; X = QM. Written apart from the device's own code, so that the two check each
other (tests/phasekey/audit/claims).
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rng = np.random.Generator
SecretKind = Literal["rotation", "orthogonal", "permutation"]


def draw_secrets(kind: SecretKind, count: int, components: int, rng: Rng) -> NDArray[np.float64]:
    """Draw the secrets of several transmissions.

    Args:
        kind: "rotation" (two components), "orthogonal" (Haar: QR of normal numbers, the signs of R's diagonal
            moved to Q, Mezzadri 2007), or "permutation".
        count: N.
        components: k.
        rng: of random numbers.

    Returns:
        Q, (N, k, k).
    """
    if kind == "permutation":
        order = rng.permuted(np.tile(np.arange(components), (count, 1)), axis=1)
        return np.asarray(np.eye(components)[order], np.float64)
    if kind == "rotation":
        theta = rng.uniform(0, 2 * np.pi, count)
        cos, sin = np.cos(theta), np.sin(theta)
        return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    q, r = np.linalg.qr(rng.standard_normal((count, components, components)))
    return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :])


def mix(rows: Floats, secrets: NDArray[np.float64]) -> Floats:
    """Compute X = QM for each sample.

    Args:
        rows: M, (N, k, D), row 0 the feature.
        secrets: Q, (N, k, k).

    Returns:
        (N, k, D) float32.
    """
    return np.asarray(np.matmul(secrets, rows), np.float32)


def with_gaussian_decoys(feature: Floats, components: int, sigma: float, rng: Rng) -> Floats:
    """Put features above k - 1 decoys N(0, σ²I).

    Args:
        feature: (N, D).
        components: k.
        sigma: σ.
        rng: of random numbers.

    Returns:
        M, (N, k, D) float32.
    """
    count, values = feature.shape
    decoys = sigma * rng.standard_normal((count, components - 1, values), dtype=np.float32)
    return np.concatenate([feature[:, None].astype(np.float32), decoys], axis=1)


def gram_of(x: Floats) -> Floats:
    """Compute W = XᵀX: (N, k, D) -> (N, D, D), all that a Haar secret lets through."""
    return np.asarray(np.matmul(x.transpose(0, 2, 1), x), np.float32)
