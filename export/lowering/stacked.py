"""A tensor of k components as one real one, all along the first axis. Best for small maps and vectors, where
the time goes by the number of nodes, and for int8, where all components must be rounded by one scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.lowering.streams import sum_of_squares
from phasekey.model.layers.layout import fold, unfold


@dataclass(frozen=True)
class Stacked:
    """The k components together.

    A view costs a node, so each is taken only where an operator needs it.

    Attributes:
        f: maps folded to the batch, (kN, C, H, W), component 0 first; vectors (k, N, D); both also as
            (k, N·…).
        shape: of a component of one sample, (C, H, W) or (D,).
        components: k.
    """

    f: Tensor
    shape: tuple[int, ...]
    components: int = 2

    @classmethod
    def of(cls, x: Tensor, components: int = 2) -> Stacked:
        """From block layout (N, kC, H, W) or (N, kD)."""
        shape = (x.shape[1] // components, *x.shape[2:])
        return cls(fold(x, components), shape, components)._view()

    def joined(self) -> Tensor:
        """Put the blocks back side by side: (N, kC, H, W), or (N, kD) of vectors."""
        f = self._view().f
        if f.dim() == 4:
            return unfold(f, self.components)
        x: Tensor = f.transpose(0, 1).flatten(1)
        return x

    def each(self, layer: nn.Module) -> Stacked:
        """One real layer without bias, on every component."""
        if isinstance(layer, nn.Flatten):
            count = self.f[0].numel() if self.f.dim() == 4 else self._size()
            return self._with(self.f.reshape(self.components, -1, count), (count,))
        result = layer(self._view().f)
        return self._with(result, tuple(result.shape[1:] if result.dim() == 4 else result.shape[2:]))

    def norm(self) -> Tensor:
        """|f| over the k components: (N, C, H, W), or (N, D) of vectors."""
        if self.f.dim() == 3:
            norm: Tensor = torch.linalg.vector_norm(self.f, dim=0)
            return norm
        return sum_of_squares(self._parts()).sqrt().reshape(-1, *self.shape)

    def scale(self, factor: Tensor) -> Stacked:
        """f times a real factor (N, ...)."""
        if self.f.dim() == 3:
            return self._with(self.f * factor, self.shape)
        return self._with(self._flat() * factor.reshape(-1), self.shape)

    def pick(self, where: Tensor) -> Stacked:
        """The elements at `where` in each plane, (N, C, H', W')."""
        channels, height, width = self.shape
        inside = where.flatten(2)
        planes = (part.reshape(-1, channels, height * width) for part in self._parts())
        picked = torch.cat([plane.gather(2, inside).reshape(1, -1) for plane in planes])
        return self._with(picked, tuple(where.shape[1:]))

    def add(self, other: Stacked) -> Stacked:
        """f + g, of one shape."""
        return self._with(self._view().f + other._view().f, self.shape)

    def _with(self, f: Tensor, shape: tuple[int, ...]) -> Stacked:
        return Stacked(f, shape, self.components)

    def _size(self) -> int:
        return int(torch.Size(self.shape).numel())

    def _view(self) -> Stacked:
        """As layers take it: (kN, C, H, W) or (k, N, D)."""
        rank = 4 if len(self.shape) == 3 else 3
        if self.f.dim() == rank:
            return self
        lead = (-1,) if rank == 4 else (self.components, -1)
        return self._with(self.f.reshape(*lead, *self.shape), self.shape)

    def _flat(self) -> Tensor:
        return self.f if self.f.dim() == 2 else self.f.reshape(self.components, -1)

    def _parts(self) -> tuple[Tensor, ...]:
        """The components, each (1, N·…)."""
        return torch.split(self._flat(), 1)
