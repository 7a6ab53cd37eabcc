"""A tensor of k components as k real ones. Best for large maps: nothing is cut apart, and the components can
stay in ONNX Runtime's blocked layout from convolution to convolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.lowering.onnx_operators import into_blocks


@dataclass(frozen=True)
class Streams:
    """The k components apart.

    Attributes:
        parts: each (N, C, H, W) or (N, D); of a complex tensor the real and the imaginary part.
        blocked: whether a layer made them just now.
    """

    parts: tuple[Tensor, ...]
    blocked: bool = False

    @classmethod
    def of(cls, x: Tensor, components: int = 2) -> Streams:
        """From block layout (N, kC, ...)."""
        return cls(torch.split(x, x.shape[1] // components, dim=1))

    def joined(self) -> Tensor:
        """Back to block layout, (N, kC, ...)."""
        return torch.cat(self.parts, dim=1)

    def each(self, layer: nn.Module) -> Streams:
        """One real layer without bias, on every component."""
        return Streams(tuple(layer(part) for part in self.parts), blocked=True)

    def norm(self) -> Tensor:
        """|f| over the k components: (N, C, H, W), or (N, D) of vectors."""
        return sum_of_squares(self.parts).sqrt()

    def scale(self, factor: Tensor) -> Streams:
        """f times a real factor (N, ...)."""
        if self.blocked:
            factor = into_blocks(factor)
        return Streams(tuple(part * factor for part in self.parts), self.blocked)

    def pick(self, where: Tensor) -> Streams:
        """The elements at `where` in each plane, (N, C, H', W')."""
        inside = where.flatten(2)
        picked = (
            part.flatten(2).gather(2, inside).reshape(-1, *where.shape[1:])
            for part in self.parts
        )  # fmt: skip
        return Streams(tuple(picked))

    def add(self, other: Streams) -> Streams:
        """f + g, component by component."""
        sums = (mine + its for mine, its in zip(self.parts, other.parts, strict=True))
        return Streams(tuple(sums), self.blocked)


def sum_of_squares(parts: tuple[Tensor, ...]) -> Tensor:
    """Of tensors of one shape, in their order."""
    first, *rest = parts
    total = first * first
    for part in rest:
        total = total + part * part
    return total
