"""A complex tensor as two real ones. Best for large maps: nothing is cut apart, and the parts can stay in
ONNX Runtime's blocked layout from convolution to convolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.lowering.onnx_operators import into_blocks
from phasekey.model.rotation import pair


@dataclass(frozen=True)
class Streams:
    """Real and imaginary part, each (N, C, H, W) or (N, D). blocked: whether a layer made them just now."""

    real: Tensor
    imaginary: Tensor
    blocked: bool = False

    @classmethod
    def of(cls, x: Tensor) -> Streams:
        """From pair layout (N, 2C, ...)."""
        real, imaginary = torch.split(x, x.shape[1] // 2, dim=1)
        return cls(real, imaginary)

    def pair(self) -> Tensor:
        """Back to pair layout."""
        return pair(self.real, self.imaginary)

    def each(self, layer: nn.Module) -> Streams:
        """One real layer without bias, on both parts."""
        return Streams(layer(self.real), layer(self.imaginary), blocked=True)

    def norm(self) -> Tensor:
        """|f|, (N, ...)."""
        return (self.real * self.real + self.imaginary * self.imaginary).sqrt()

    def scale(self, factor: Tensor) -> Streams:
        """f times a real factor (N, ...)."""
        if self.blocked:
            factor = into_blocks(factor)
        return Streams(self.real * factor, self.imaginary * factor, self.blocked)

    def pick(self, where: Tensor) -> Streams:
        """The elements at `where` in each plane, (N, C, H', W')."""
        inside = where.flatten(2)
        real, imaginary = (
            part.flatten(2).gather(2, inside).reshape(-1, *where.shape[1:])
            for part in (self.real, self.imaginary)
        )
        return Streams(real, imaginary)

    def add(self, other: Streams) -> Streams:
        """f + g, part by part."""
        return Streams(self.real + other.real, self.imaginary + other.imaginary, self.blocked)
