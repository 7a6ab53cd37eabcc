"""What hides a feature while a network is trained: three laws of the decoy b (section 4.2, docs/adr/0030).

Each takes the features of a batch, (N, ...), and gives one decoy of the same shape for each sample.
What the device draws later is another matter: see phasekey.model.sampler.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from phasekey.model.errors import ModelError

DecoyLaw = Literal["another-input", "mixture", "gaussian"]
DECOY_LAWS: tuple[DecoyLaw, ...] = get_args(DecoyLaw)


def draw_decoy(law: DecoyLaw, feature: Tensor) -> Tensor:
    """Decoys by the law's name. Raises ModelError where the batch is too small for it."""
    return _LAWS[law](feature)


def another_input(feature: Tensor) -> Tensor:
    """b = g(I'): the feature of another sample of the batch, N ≥ 2 (section 4.2)."""
    _require_samples(feature, 2, "another sample")
    shift = int(torch.randint(1, len(feature), ()))
    return feature.roll(shift, dims=0)


def mixture(feature: Tensor) -> Tensor:
    """b = μ + cos φ (a' - μ) + sin φ (a'' - μ): features of two other samples about the batch's mean, N ≥ 3.

    cos² φ + sin² φ = 1, so mean and covariance stay those of the feature. φ ~ U(0, π/2) for each sample:
    weights are positive, or b would be as often upside down.
    """
    _require_samples(feature, 3, "two other samples")
    first, second = (torch.randperm(len(feature) - 1)[:2] + 1).tolist()
    mean = feature.mean(0)
    phi = 0.5 * math.pi * torch.rand(len(feature), *[1] * (feature.dim() - 1), device=feature.device)
    one, other = feature.roll(first, dims=0) - mean, feature.roll(second, dims=0) - mean
    return mean + phi.cos().to(one.dtype) * one + phi.sin().to(one.dtype) * other


def gaussian(feature: Tensor) -> Tensor:
    """b ~ N(mean, variance) of the batch's features, each value on its own, N ≥ 2."""
    _require_samples(feature, 2, "the variance of several samples")
    feature = feature.detach()
    return feature.mean(0) + feature.std(0) * torch.randn_like(feature)


def _require_samples(feature: Tensor, least: int, reason: str) -> None:
    if len(feature) < least:
        raise ModelError(
            f"this decoy takes {reason}, so a batch of at least {least}; got {len(feature)}: "
            "pass `decoy`, or a larger batch"
        )


_LAWS: dict[DecoyLaw, Callable[[Tensor], Tensor]] = {
    "another-input": another_input,
    "mixture": mixture,
    "gaussian": gaussian,
}
