"""The best two guesses under a posterior on the circle: two means (MacQueen 1967) without a search.

With the angle φ_k of weight w_k, the guess is g_k = P cos φ_k + Q sin φ_k. A set A of angles for which c is
guessed costs Σ_A w_k ‖g_k - c‖². That is least at the mean c_A, and leaves Σ_A w_k ‖g_k‖² - W_A ‖c_A‖², W_A =
Σ_A w_k (Steiner). The first sum adds up to the same for every split, so the split with the largest Σ_A W_A
‖c_A‖² is best. With C_A = Σ_A w_k cos φ_k and S_A = Σ_A w_k sin φ_k,

    W_A ‖c_A‖² = (C_A² ‖P‖² + 2 C_A S_A ⟨P, Q⟩ + S_A² ‖Q‖²) / W_A,

and W, C and S of any arc are differences of running sums. No other split can be better than arcs: the best
one is cut by the line half-way between both means, all g_k lie on one ellipse in the plane of P and Q, and a
line cuts an ellipse at most twice.
"""

import torch
from torch import Tensor

from phasekey.audit.attackers.angle_estimates import angles_like


def two_arcs(weights: Tensor, real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
    """Split the circle in two arcs so that guessing each arc's mean leaves the least square error.

    All K(K-1)/2 splits are tried.

    Args:
        weights: a posterior on an even grid φ_k, (N, K).
        real: P, (N, D): the guess at an angle is P cos φ + Q sin φ.
        imaginary: Q, (N, D).

    Returns:
        E[cos φ] and E[sin φ] over either arc, (N, 2) each, the likelier arc first.
    """
    count = weights.shape[1]
    angles = angles_like(count, weights)
    moments = torch.stack([weights, weights * angles.cos(), weights * angles.sin()], -1)
    running = torch.cat([torch.zeros_like(moments[:, :1]), moments.cumsum(1)], 1)
    first, last = torch.triu_indices(count, count, 1, device=weights.device)
    inside = running[:, last] - running[:, first]
    outside = running[:, -1:] - inside
    gain = sum(_gain(side, real, imaginary) for side in (inside, outside))
    assert isinstance(gain, Tensor)  # noqa: S101 - mypy takes a sum for a number
    best = gain.argmax(1)
    rows = torch.arange(len(weights), device=weights.device)
    chosen = torch.stack([inside[rows, best], outside[rows, best]], 1)
    order = chosen[..., 0].argsort(1, descending=True)
    chosen = chosen.gather(1, order[..., None].expand_as(chosen))
    mass = chosen[..., 0].clamp_min(1e-6)
    return chosen[..., 1] / mass, chosen[..., 2] / mass


def _gain(side: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """w ‖mean‖² = ‖P Σw cos + Q Σw sin‖² / w, for (N, S, 3) moments."""
    mass, cos, sin = side.unbind(-1)
    length = cos.square() * real.square().sum(1)[:, None] + sin.square() * imaginary.square().sum(1)[:, None]
    mixed = 2 * cos * sin * (real * imaginary).sum(1)[:, None]
    return (length + mixed) / mass.clamp_min(1e-6)
