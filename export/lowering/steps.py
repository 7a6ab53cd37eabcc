"""The layers of Φ on either form of a tensor of k components (streams.py, stacked.py), for inference only."""

from typing import TypeVar

from torch import Tensor, nn

from export.lowering.onnx_operators import max_pool
from export.lowering.stacked import Stacked
from export.lowering.streams import Streams
from phasekey.model.layers.equivariant import SMALLEST_SQUARED_NORM, NormBatchNorm, NormMaxPool2d, PhaseReLU

Form = TypeVar("Form", Streams, Stacked)
_SMALLEST_NORM = SMALLEST_SQUARED_NORM**0.5


class Each(nn.Module):
    """A real layer without bias."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, f: Form) -> Form:
        return f.each(self.layer)


class Scale(nn.Module):
    """Batch norm that no convolution could take over: a constant for each channel, Eq. 7."""

    def __init__(self, norm: NormBatchNorm) -> None:
        super().__init__()
        self.register_buffer("factors", channel_factors(norm).to(norm.running_squared_norm.dtype))
        self.factors: Tensor

    def forward(self, part: Tensor) -> Tensor:
        return part * (self.factors[:, None, None] if part.dim() == 4 else self.factors)


class Gain(nn.Module):
    """One constant for all."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, part: Tensor) -> Tensor:
        return part * self.gain


class Delta(nn.Module):
    """δ of Eq. 6, gain · f · min(|f| / c, 1), after norm pooling where there is one."""

    gain = 1.0

    def __init__(self, delta: PhaseReLU, pool: NormMaxPool2d | None = None) -> None:
        super().__init__()
        self.threshold, self.mean_norms, self.pool = delta.threshold, delta.mean_norms, pool

    def forward(self, f: Form) -> Form:
        norm = f.norm()
        level = self._level(norm)
        if self.pool is not None:
            norm, where = max_pool(norm, self.pool)
            f = f.pick(where)
        relative = norm if self.threshold == 1.0 else norm / level
        factor = relative.clamp(max=1.0)
        return f.scale(factor if self.gain == 1.0 else factor * self.gain)

    def _level(self, norm: Tensor) -> Tensor | float:
        if self.threshold is not None:
            return self.threshold
        return _mean(norm) if self.mean_norms == 1.0 else self.mean_norms * _mean(norm)


def _mean(norm: Tensor) -> Tensor:
    # Norms may all be zero: 0 / 0 would be no number, 0 / something is the zero that δ(0) is.
    return norm.mean(dim=(2, 3) if norm.dim() == 4 else 1, keepdim=True).clamp(min=_SMALLEST_NORM)


class Pool(nn.Module):
    """Norm pooling by itself: of each window the value whose norm is largest stays, all components of it."""

    def __init__(self, pool: NormMaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, f: Form) -> Form:
        _, where = max_pool(f.norm(), self.pool)
        return f.pick(where)


class Sum(nn.Module):
    """The two branches of a residual block, added component by component."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, f: Form) -> Form:
        total: Form = self.body(f).add(self.shortcut(f))
        return total


def channel_factors(norm: NormBatchNorm) -> Tensor:
    """(C,) float64: what Eq. 7 multiplies each channel by at inference."""
    return (norm.running_squared_norm.detach().double() + norm.eps).rsqrt()
