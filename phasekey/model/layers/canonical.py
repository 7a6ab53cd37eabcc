"""A plain network made equivariant under O(k) by a canonical frame (docs/adr/0044).

A frame V(X) in O(k) with V(QX) = Q V(X) makes any network equivariant (canonicalisation, Kaba et al. 2023;
frame averaging over one frame, Puny et al. 2022):

    Φ(X) = V · net(VᵀX),  since Vᵀ(QᵀQ)X = VᵀX and so Φ(QX) = Q V · net(VᵀX) = Q Φ(X).

It holds whatever V finds. Φ answers like the plain network where VᵀX are the rows of M, up to order and sign.

V = V₀U. V₀ is the polar factor of D·G: D the spatial differences of X, G fixed random numbers. (QD)G = Q(DG),
and polar(QA) = Q polar(A), since it is A times a polynomial in AᵀA, which Q leaves alone. Then Y = V₀ᵀD, and
whatever is made of Y, is the same for all Q: the rest is free. U turns Y until its rows are as sparse as they
can be: after a ReLU both of two neighbours are often exactly zero, and a mixture of two images has fewer such
places than either.

It minimises Σ log(y² + c) over all differences, c falling from step to step so that few local minima are met,
by majorisation: log(y² + c) lies below its tangent in y², so each step minimises Σ w y² for w = 1/(y² + c)
fixed. In the plane of rows i and j, of y_i cos φ + y_j sin φ and y_j cos φ - y_i sin φ, that sum is, up to
constants, -(p cos 2φ + q sin 2φ) / 2 with p = Σ (w_i - w_j)(y_j² - y_i²) and q = -2 Σ (w_i - w_j) y_i y_j:
least at tan φ = q / (r + p), r = √(p² + q²). All planes turn at once and somewhat further, since a majorant
is steeper than what it bounds: Y <- polar(I + T) Y, T_ij = α tan φ_ij. Smooth, without a branch, and the same
number of steps for all.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from phasekey.model.errors import ModelError

# c, in mean squares of a difference: from where log(y² + c) is nearly quadratic to where it counts zeros.
FIRST_LEVEL, LAST_LEVEL, STEPS = 10.0, 0.01, 12
FURTHER = 1.8  # α; 12 steps then do what 20 with α = 1 do (docs/adr/0044)
MOST_DIFFERENCES = 2048  # of one row; larger maps are looked at here and there
SMALLEST = 1e-12  # keeps quotients finite where all of X is zero
# σ <- aσ + bσ³ + cσ⁵, from (0, 1] towards 1: quickly from far below, then exactly (no slope at 1).
RISING, POLISHING = (3.4445, -4.775, 2.0315), (1.875, -1.25, 0.375)


def polar(matrix: Tensor, rising: int, polishing: int) -> Tensor:
    """Approach the orthogonal factor of the polar decomposition by Newton and Schulz's iteration.

    Args:
        matrix: A, (N, k, k), no singular value above 1.
        rising: steps that multiply small singular values by 3.4.
        polishing: steps that bring those near 1 to 1, quadratically.

    Returns:
        A p(AᵀA), (N, k, k): for every orthogonal Q, that of QA is Q times that of A, converged or not.
    """
    for a, b, c in (RISING,) * rising + (POLISHING,) * polishing:
        gram = matrix.mT @ matrix
        matrix = a * matrix + matrix @ (b * gram + c * (gram @ gram))
    return matrix


class Frame(nn.Module):
    """V(X), (N, k, C, H, W) -> (N, k, k), with V(QX) = Q V(X) for every orthogonal Q.

    Args:
        shape: (C, H, W) of a row.
        components: k.
        steps: of the search for U.

    Raises:
        ModelError: rows that are no maps, or too small ones.
    """

    start: Tensor
    one: Tensor

    def __init__(self, shape: Sequence[int], components: int, steps: int = STEPS) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 2:
            raise ModelError(
                "the canonical form tells images apart by differences of neighbours; it takes maps (C, H, W) "
                f"of 2 × 2 or more, not {tuple(shape)}: split the network before Flatten"
            )
        channels, height, width = shape
        everywhere = 2 * channels * (height - 1) * (width - 1)
        self.components, self.steps = components, steps
        self.apart = max(1, math.ceil(math.sqrt(everywhere / MOST_DIFFERENCES)))
        places = -(-(height - 1) // self.apart) * -(-(width - 1) // self.apart)
        fixed = torch.Generator().manual_seed(0)
        start = torch.randn(2 * channels * places, components, generator=fixed, device="cpu")
        # Nothing that is learnt: a checkpoint need not carry them.
        self.register_buffer("start", start.to(torch.get_default_device()), persistent=False)
        self.register_buffer("one", torch.eye(components), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        differences = self._differences(rows)
        mixed = differences @ self.start
        gram = mixed.mT @ mixed
        largest = gram.abs().sum(2, keepdim=True).amax(1, keepdim=True)  # at least the largest σ²
        frame = polar(mixed * largest.clamp(min=SMALLEST).rsqrt(), 6, 3)
        return frame @ self._turn(frame.mT @ differences).mT

    def _differences(self, rows: Tensor) -> Tensor:
        """(N, k, C, H, W) -> D, (N, k, P): each channel's mean square over all rows is 1."""
        here, apart = rows[..., :-1, :-1], self.apart
        across, down = rows[..., :-1, 1:] - here, rows[..., 1:, :-1] - here
        both = torch.cat([side[..., ::apart, ::apart].flatten(3) for side in (across, down)], dim=3)
        power = (both * both).mean(dim=(1, 3), keepdim=True)
        floor = 1e-6 * power.mean(dim=2, keepdim=True)
        return (both * (power + floor).clamp(min=SMALLEST).rsqrt()).flatten(2)

    def _turn(self, first: Tensor) -> Tensor:
        """Y, (N, k, P) -> Uᵀ, (N, k, k)."""
        more = 0 if self.components == 2 else 1  # of two rows each step is a rotation as it is
        turn, rows = self._step(first, FIRST_LEVEL), first
        for number in range(1, self.steps):
            level = FIRST_LEVEL * (LAST_LEVEL / FIRST_LEVEL) ** (number / (self.steps - 1))
            rows = turn @ first
            turn = polar(self._step(rows, level) @ turn, 0, more)
        return polar(turn, 0, 2 * more)

    def _step(self, rows: Tensor, level: float) -> Tensor:
        """Y, (N, k, P) -> (I + T) / √(1 + t), (N, k, k); t ≥ |T|², whose singular values come in twos."""
        square = rows * rows
        weight = (square + level).reciprocal()
        powers, products = weight @ square.mT, (weight * rows) @ rows.mT
        powers = powers - (powers * self.one).sum(2, keepdim=True)
        p, q = powers + powers.mT, 2 * (products.mT - products)
        tangent = (FURTHER * q / ((p * p + q * q).sqrt() + p).clamp(min=SMALLEST)).clamp(-1, 1)
        largest = 0.5 * (tangent * tangent).sum((1, 2), keepdim=True)
        return (self.one + tangent) * (1 + largest).rsqrt()


class Canonical(nn.Module):
    """Φ of the canonical form: block layout (N, kC, H, W) -> (N, kC', H', W') or (N, kD').

    Args:
        layers: the plain network's, on (kN, C, H, W); what it takes is never negative on average.
        shape: (C, H, W) of what it takes.
        components: k.
    """

    def __init__(self, layers: nn.Sequential, shape: Sequence[int], components: int) -> None:
        super().__init__()
        self.layers, self.shape, self.components = layers, tuple(shape), components
        self.frame = Frame(shape, components)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.components, *self.shape)
        frame: Tensor = self.frame(rows)
        apart = frame.mT @ rows.flatten(2)
        # A row comes out with either sign; features end in a ReLU, so theirs is plus.
        sign = torch.where(apart.sum(2, keepdim=True) < 0, -1.0, 1.0)
        processed: Tensor = self.layers((apart * sign).reshape(-1, *self.shape))
        mixed = frame @ (processed.reshape(-1, self.components, processed[0].numel()) * sign)
        return mixed.reshape(-1, self.components * processed.shape[1], *processed.shape[2:])
