"""The rotation in torch, and the two layouts of complex tensors (sections 4.1-4.2, Eq. 2-3).

Pair layout, used by everything exported and on the wire: (N, 2C, ...), real block first.
Folded layout, used inside the processing module: (2N, C, ...), real half first. A bias-free real
layer acts on both halves of a folded tensor alike, which is all that rotation equivariance asks of it.
"""

import torch
from torch import Tensor


def pair(real: Tensor, imaginary: Tensor) -> Tensor:
    """Real and imaginary parts (N, C, ...) -> pair layout (N, 2C, ...)."""
    return torch.cat([real, imaginary], dim=1)


def fold(x: Tensor) -> Tensor:
    """Pair layout (N, 2C, ...) -> folded layout (2N, C, ...)."""
    return torch.cat(torch.split(x, x.shape[1] // 2, dim=1), dim=0)


def halves(f: Tensor) -> Tensor:
    """Folded layout (2N, C, ...) -> (2, N, C, ...): [real, imaginary].

    Every split of a folded batch goes by this reshape: its sizes hold for any N when traced for export.
    """
    return f.reshape(2, -1, *f.shape[1:])


def unfold(f: Tensor) -> Tensor:
    """Folded layout (2N, C, ...) -> pair layout (N, 2C, ...)."""
    return torch.cat(halves(f).unbind(0), dim=1)


def _per_sample(theta: Tensor, like: Tensor) -> Tensor:
    return theta.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def rotate(feature: Tensor, decoy: Tensor, theta: Tensor) -> Tensor:
    """Eq. 2: x = exp(iθ)(a + ib).

    feature a and decoy b (N, C, ...), theta (N,) in radians -> x (N, 2C, ...).
    """
    cos, sin = _per_sample(theta.cos(), feature), _per_sample(theta.sin(), feature)
    return pair(feature * cos - decoy * sin, feature * sin + decoy * cos)


def unrotate(h: Tensor, theta: Tensor) -> Tensor:
    """Eq. 3: Re[h exp(-iθ)]. h (N, 2C, ...), theta (N,) in radians -> (N, C, ...)."""
    real, imaginary = torch.split(h, h.shape[1] // 2, dim=1)
    return real * _per_sample(theta.cos(), h) + imaginary * _per_sample(theta.sin(), h)
