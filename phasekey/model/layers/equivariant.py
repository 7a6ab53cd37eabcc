"""Layers of the processing module for tensors of k components (section 4.2, Appendix A), on folded tensors.

Each satisfies Φ(Qf) = QΦ(f) for every orthogonal Q that mixes the components; at k = 2 these are the paper's
complex layers. A folded tensor is (kN, C, H, W) or (kN, D), component 0 first; so convolution, linear layers,
average pooling and flattening are torch's own, without bias.
The gradient at |f| = 0 is taken as zero: see docs/adr/0003.

A component keeps the size that it has at k = 2, whatever k is: the rows that are mixed all have the size of a
feature, so |f|² over k of them is about k/2 times that over two. Whatever compares |f| with a constant
therefore scales it by √(k/2). (To normalise |f| itself to 1 would be the same up to a factor for the whole
network, but would hand the decoder values that shrink as 1/√k.)
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.model.layers.layout import blocks

# Squared norms are clipped here before the root: the root's gradient is infinite at zero.
SMALLEST_SQUARED_NORM = 1e-12


def squared_norm(f: Tensor, components: int = 2) -> Tensor:
    """Sum the squares of the components; no orthogonal mixing changes it.

    Args:
        f: folded layout, (kN, ...).
        components: k.

    Returns:
        |f|², (N, ...).
    """
    return blocks(f * f, components).sum(0)


def scale(f: Tensor, factor: Tensor, components: int = 2) -> Tensor:
    """Multiply all components by one real factor.

    Args:
        f: folded layout, (kN, ...).
        factor: (N, ...).
        components: k.

    Returns:
        (kN, ...).
    """
    return (blocks(f, components) * factor).flatten(0, 1)


class PhaseReLU(nn.Module):
    """The activation δ(f) = |f| / max(|f|, c) · f (Eq. 6), computed as f · min(|f| / c, 1).

    Args:
        threshold: c for two components, a positive number (1 for ResNets), scaled by √(k/2) for k: see the
            module's docstring. None for c_k = E_ij|f_ijk|, the mean norm over the positions of a channel, per
            sample (section 5.1), which scales by itself. On vectors (kN, D) the mean runs over the D units:
            over its single position |f| / c would be one, and δ the identity (docs/adr/0003).
        mean_norms: c_k in mean norms where threshold is None; the paper's is 1 (docs/adr/0041).
        components: k.
    """

    def __init__(self, threshold: float | None = 1.0, mean_norms: float = 1.0, components: int = 2) -> None:
        super().__init__()
        self.threshold = None if threshold is None else threshold * math.sqrt(components / 2)
        self.mean_norms, self.components = mean_norms, components

    def forward(self, f: Tensor) -> Tensor:
        """(kN, C, H, W) or (kN, D) -> the same shape."""
        norm = squared_norm(f, self.components).clamp(min=SMALLEST_SQUARED_NORM).sqrt()
        return scale(f, (norm / self._level(norm)).clamp(max=1.0), self.components)

    def _level(self, norm: Tensor) -> Tensor | float:
        if self.threshold is not None:
            return self.threshold
        return self.mean_norms * norm.mean(dim=(2, 3) if norm.dim() == 4 else 1, keepdim=True)

    def extra_repr(self) -> str:
        threshold = f"{self.mean_norms:g} mean norms" if self.threshold is None else self.threshold
        return f"threshold={threshold}, components={self.components}"


class NormBatchNorm(nn.Module):
    """Batch norm by the norm: f / sqrt(E|f|² + ε), per channel over samples and positions (Eq. 7).

    No mean, no affine shift. E|f|² is that of two components, 2/k of the sum over k: see above. Running
    statistics at inference, as in torch's batch norm.

    Args:
        channels: C, or D of vectors.
        eps: ε.
        momentum: weight of the new value in the running one.
        components: k.
    """

    running_squared_norm: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1, components: int = 2) -> None:
        super().__init__()
        self.eps, self.momentum, self.components = eps, momentum, components
        self.register_buffer("running_squared_norm", torch.ones(channels))

    def forward(self, f: Tensor) -> Tensor:
        """(kN, C, H, W) or (kN, C) -> the same shape."""
        level = self._batch_level(f) if self.training else self.running_squared_norm
        return f * (level + self.eps).rsqrt().reshape(1, -1, *[1] * (f.dim() - 2))

    def _batch_level(self, f: Tensor) -> Tensor:
        # 2/k of |f|², which sums k components: twice the mean over the folded batch.
        level = 2 * f.square().mean(dim=[d for d in range(f.dim()) if d != 1])
        with torch.no_grad():
            self.running_squared_norm.lerp_(level.to(self.running_squared_norm.dtype), self.momentum)
        return level


class NormMaxPool2d(nn.Module):
    """Max pooling that keeps, of each window, the element of largest norm with all its components.

    Args:
        kernel: side of the window, pixels.
        stride: the kernel where None or 0.
        padding: on each side; it never wins.
        components: k.
    """

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0, components: int = 2) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride or kernel, padding
        self.components = components

    def forward(self, f: Tensor) -> Tensor:
        """(kN, C, H, W) -> (kN, C, H', W')."""
        norm = squared_norm(f, self.components)
        _, where = F.max_pool2d(norm, self.kernel, self.stride, self.padding, return_indices=True)
        chosen = torch.cat([where] * self.components, dim=0)
        return f.flatten(2).gather(2, chosen.flatten(2)).reshape(chosen.shape)

    def extra_repr(self) -> str:
        return (
            f"kernel={self.kernel}, stride={self.stride}, padding={self.padding}, "
            f"components={self.components}"
        )


class PairDropout(nn.Module):
    """Dropout with one mask for all components.

    Args:
        probability: that an element is dropped.
        components: k.
    """

    def __init__(self, probability: float = 0.5, components: int = 2) -> None:
        super().__init__()
        self.probability, self.components = probability, components

    def forward(self, f: Tensor) -> Tensor:
        """(kN, ...) -> the same shape."""
        if not self.training:
            return f
        mask = F.dropout(torch.ones_like(blocks(f, self.components)[0]), self.probability)
        return scale(f, mask, self.components)


class Residual(nn.Module):
    """Skip connection: body(f) + shortcut(f). Equivariant when both are.

    Args:
        body: of two branches, the longer.
        shortcut: the other, nn.Identity() where f goes past unchanged.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, f: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W'); N is kN where folded."""
        out: Tensor = self.body(f) + self.shortcut(f)
        return out
