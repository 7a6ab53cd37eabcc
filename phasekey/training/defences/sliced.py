"""How far features are from N(0, I), by many one-dimensional views of a batch; differentiable.

Sliced Wasserstein distance: Bonneel et al. 2015. Dense slices alone look Gaussian by the central limit
theorem, so half of them are of four values each.
"""

import torch
from torch import Tensor

SLICES = 128
IN_A_SPARSE_SLICE = 4
LENGTH_WEIGHT = 0.1


def distance_to_gaussian(feature: Tensor) -> Tensor:
    """Mean over random directions of the squared 2-Wasserstein distance of (N, D) to N(0, 1); a scalar.

    Beside it the same for the lengths of features, in their own standard deviations.
    """
    quantiles = normal_quantiles(len(feature), feature)
    sliced = (feature @ directions(feature.shape[1], feature)).sort(0).values
    views = (sliced - quantiles[:, None]).square().mean()
    return views + LENGTH_WEIGHT * length_distance(feature, quantiles)


def length_distance(feature: Tensor, quantiles: Tensor) -> Tensor:
    """The squared 2-Wasserstein distance of |a|² to χ² of D degrees, by Wilson and Hilferty's cube (1931)."""
    width = feature.shape[1]
    spread = 2 / (9 * width)
    expected = width * (1 - spread + quantiles * spread**0.5) ** 3
    lengths = feature.square().sum(1).sort().values
    distance: Tensor = (lengths - expected).square().mean() / (2 * width)
    return distance


def directions(width: int, like: Tensor) -> Tensor:
    """SLICES unit vectors as columns, (D, SLICES): half dense, half of a few values."""
    drawn = torch.randn(width, SLICES, device=like.device, dtype=like.dtype)
    kept = torch.rand(width, SLICES // 2, device=like.device).argsort(0) < IN_A_SPARSE_SLICE
    drawn[:, : SLICES // 2] *= kept
    unit: Tensor = drawn / drawn.norm(dim=0)
    return unit


def normal_quantiles(count: int, like: Tensor) -> Tensor:
    """Where `count` ordered draws from N(0, 1) lie about: its quantiles at (i + 1/2) / count."""
    places = (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count
    quantiles: Tensor = torch.special.ndtri(places)
    return quantiles
