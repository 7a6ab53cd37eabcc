"""The paper's rotation in torch (sections 4.1-4.2, Eq. 2-3): two components and an angle.

It is the secret of kind "rotation"; see phasekey.model.hiding.secrets for all kinds, and
phasekey.model.layers.layout for the layouts.
"""

import torch
from torch import Tensor

from phasekey.model.layers.layout import blocks, fold, unfold

__all__ = ["fold", "halves", "pair", "rotate", "unfold", "unrotate"]


def pair(real: Tensor, imaginary: Tensor) -> Tensor:
    """Put real and imaginary parts (N, C, ...) side by side: (N, 2C, ...), the real block first."""
    return torch.cat([real, imaginary], dim=1)


def halves(f: Tensor) -> Tensor:
    """View a folded tensor of two components, (2N, C, ...), as (2, N, C, ...)."""
    return blocks(f, 2)


def _per_sample(theta: Tensor, like: Tensor) -> Tensor:
    return theta.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def rotate(feature: Tensor, decoy: Tensor, theta: Tensor) -> Tensor:
    """Hide a feature: x = exp(iθ)(a + ib) (Eq. 2).

    Args:
        feature: a, (N, C, ...).
        decoy: b, like the feature.
        theta: (N,), radians.

    Returns:
        x, (N, 2C, ...), real block first.
    """
    cos, sin = _per_sample(theta.cos(), feature), _per_sample(theta.sin(), feature)
    return pair(feature * cos - decoy * sin, feature * sin + decoy * cos)


def unrotate(h: Tensor, theta: Tensor) -> Tensor:
    """Undo the rotation and take the real part: Re[h exp(-iθ)] (Eq. 3).

    Args:
        h: (N, 2C, ...), real block first.
        theta: (N,), radians.

    Returns:
        (N, C, ...).
    """
    real, imaginary = torch.split(h, h.shape[1] // 2, dim=1)
    return real * _per_sample(theta.cos(), h) + imaginary * _per_sample(theta.sin(), h)
