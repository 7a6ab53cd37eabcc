"""What hides a feature while a network is trained: laws of the decoys (section 4.2, docs/adr/0030, 0033).

Each takes the features of a batch, (N, ...), and gives decoys of the same shape for each sample. What the
device draws later is another matter: see SplitNetwork.decoy_source.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from phasekey.model.errors import ModelError

DecoyLaw = Literal["another-input", "mixture", "gaussian", "archive"]
DECOY_LAWS: tuple[DecoyLaw, ...] = get_args(DecoyLaw)


def draw_decoys(law: DecoyLaw, feature: Tensor, count: int = 1, sigma: float = 1.0) -> Tensor:
    """Draw the decoys of a batch.

    Args:
        law: of DECOY_LAWS; "archive" draws as "another-input" does, for devices that hold images.
        feature: (N, ...).
        count: decoys for each sample, k - 1.
        sigma: for "gaussian", in standard deviations of the feature; the other laws have none.

    Returns:
        (N, count, ...).

    Raises:
        ModelError: where the batch is too small for the law.
    """
    if law == "gaussian":
        return gaussian(feature, count, sigma)
    return _LAWS[law](feature, count)


def another_input(feature: Tensor, count: int = 1) -> Tensor:
    """Take the features of other samples of the batch: b = g(I'), all different (section 4.2).

    Args:
        feature: (N, ...), N > count.
        count: decoys for each sample.

    Returns:
        (N, count, ...).

    Raises:
        ModelError: where N ≤ count.
    """
    _require_samples(feature, count + 1, "another sample" if count == 1 else f"{count} other samples")
    first = int(torch.randint(1, len(feature), ()))
    others = [shift for shift in range(1, len(feature)) if shift != first]
    more = torch.randperm(len(others))[: count - 1].tolist() if count > 1 else []
    return torch.stack([feature.roll(shift, dims=0) for shift in (first, *(others[i] for i in more))], dim=1)


def mixture(feature: Tensor, count: int = 1) -> Tensor:
    """Mix the features of two other samples: b = μ + cos φ (a' - μ) + sin φ (a'' - μ), μ the batch's mean.

    cos² φ + sin² φ = 1, so mean and covariance stay those of the feature. φ ~ U(0, π/2) for each sample:
    weights are positive, or b would be as often upside down.

    Args:
        feature: (N, ...), N ≥ 3.
        count: decoys for each sample, each drawn by itself.

    Returns:
        (N, count, ...).

    Raises:
        ModelError: where N < 3.
    """
    _require_samples(feature, 3, "two other samples")
    return torch.stack([_mixture(feature) for _ in range(count)], dim=1)


def _mixture(feature: Tensor) -> Tensor:
    first, second = (torch.randperm(len(feature) - 1)[:2] + 1).tolist()
    mean = feature.mean(0)
    phi = 0.5 * math.pi * torch.rand(len(feature), *[1] * (feature.dim() - 1), device=feature.device)
    one, other = feature.roll(first, dims=0) - mean, feature.roll(second, dims=0) - mean
    return mean + phi.cos().to(one.dtype) * one + phi.sin().to(one.dtype) * other


def gaussian(feature: Tensor, count: int = 1, sigma: float = 1.0) -> Tensor:
    """Draw b ~ N(mean, σ² variance) of the batch's features, each value on its own.

    Args:
        feature: (N, ...), N ≥ 2; no gradient flows to it.
        count: decoys for each sample.
        sigma: σ.

    Returns:
        (N, count, ...).

    Raises:
        ModelError: where N < 2.
    """
    _require_samples(feature, 2, "the variance of several samples")
    feature = feature.detach()
    return feature.mean(0) + sigma * feature.std(0) * white(feature, count)


def white(feature: Tensor, count: int = 1) -> Tensor:
    """Draw standard normal numbers like the feature (N, ...): (N, count, ...)."""
    shape = (len(feature), count, *feature.shape[1:])
    return torch.randn(shape, dtype=feature.dtype, device=feature.device)


def _require_samples(feature: Tensor, least: int, reason: str) -> None:
    if len(feature) < least:
        raise ModelError(
            f"this decoy takes {reason}, so a batch of at least {least}; got {len(feature)}: "
            "pass `decoys`, or a larger batch"
        )


_LAWS: dict[DecoyLaw, Callable[[Tensor, int], Tensor]] = {
    "another-input": another_input,
    "mixture": mixture,
    "archive": another_input,
}
