"""Complex layers of the processing module (section 4.2, Appendix A), on folded tensors.

Each satisfies Φ(e^{iθ}f) = e^{iθ}Φ(f). A folded tensor is (2N, C, H, W) or (2N, D), real half first;
so convolution, linear layers, average pooling and flattening are torch's own, without bias.
The gradient at |f| = 0 is taken as zero: see docs/adr/0003.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.model.rotation import halves

# Squared norms are clipped here before the root: the root's gradient is infinite at zero.
SMALLEST_SQUARED_NORM = 1e-12


def squared_norm(f: Tensor) -> Tensor:
    """|f|² of a folded tensor: (2N, ...) -> (N, ...). Invariant under rotation."""
    return halves(f * f).sum(0)


def scale(f: Tensor, factor: Tensor) -> Tensor:
    """Multiply both halves of a folded tensor (2N, ...) by one real factor (N, ...)."""
    return (halves(f) * factor).flatten(0, 1)


class PhaseReLU(nn.Module):
    """Eq. 6: δ(f) = |f| / max(|f|, c) · f, computed as f · min(|f| / c, 1).

    threshold: c, a positive number (1 for ResNets), or None for c_k = E_ij|f_ijk|, the mean norm over
    the positions of a channel, per sample (section 5.1). On vectors (2N, D) the mean runs over the D
    units: over its single position |f| / c would be one, and δ the identity (docs/adr/0003).
    mean_norms: c_k in mean norms where threshold is None; the paper's is 1 (docs/adr/0041).
    """

    def __init__(self, threshold: float | None = 1.0, mean_norms: float = 1.0) -> None:
        super().__init__()
        self.threshold, self.mean_norms = threshold, mean_norms

    def forward(self, f: Tensor) -> Tensor:
        """(2N, C, H, W) or (2N, D) -> the same shape."""
        norm = squared_norm(f).clamp(min=SMALLEST_SQUARED_NORM).sqrt()
        return scale(f, (norm / self._level(norm)).clamp(max=1.0))

    def _level(self, norm: Tensor) -> Tensor | float:
        if self.threshold is not None:
            return self.threshold
        return self.mean_norms * norm.mean(dim=(2, 3) if norm.dim() == 4 else 1, keepdim=True)

    def extra_repr(self) -> str:
        return f"threshold={f'{self.mean_norms:g} mean norms' if self.threshold is None else self.threshold}"


class NormBatchNorm(nn.Module):
    """Eq. 7: f / sqrt(E|f|² + ε), per channel over samples and positions; no mean, no affine shift.

    Running statistics at inference, as in torch's batch norm (momentum is the weight of the new value).
    """

    running_squared_norm: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.register_buffer("running_squared_norm", torch.ones(channels))

    def forward(self, f: Tensor) -> Tensor:
        """(2N, C, H, W) or (2N, C) -> the same shape."""
        level = self._batch_level(f) if self.training else self.running_squared_norm
        return f * (level + self.eps).rsqrt().reshape(1, -1, *[1] * (f.dim() - 2))

    def _batch_level(self, f: Tensor) -> Tensor:
        # |f|² is the sum over both halves: twice the mean over the folded batch.
        level = 2 * f.square().mean(dim=[d for d in range(f.dim()) if d != 1])
        with torch.no_grad():
            self.running_squared_norm.lerp_(level.to(self.running_squared_norm.dtype), self.momentum)
        return level


class NormMaxPool2d(nn.Module):
    """Max pooling that keeps, of each window, the element of largest norm, phase included."""

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride or kernel, padding

    def forward(self, f: Tensor) -> Tensor:
        """(2N, C, H, W) -> (2N, C, H', W')."""
        _, where = F.max_pool2d(squared_norm(f), self.kernel, self.stride, self.padding, return_indices=True)
        chosen = torch.cat([where, where], dim=0)
        return f.flatten(2).gather(2, chosen.flatten(2)).reshape(chosen.shape)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}, padding={self.padding}"


class PairDropout(nn.Module):
    """Dropout with one mask for both components."""

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, f: Tensor) -> Tensor:
        """(2N, ...) -> the same shape."""
        if not self.training:
            return f
        return scale(f, F.dropout(torch.ones_like(halves(f)[0]), self.probability))


class Residual(nn.Module):
    """Skip connection: body(f) + shortcut(f). Equivariant when both are."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, f: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W'); N is 2N where folded."""
        out: Tensor = self.body(f) + self.shortcut(f)
        return out
