"""A complex tensor as one real one, both parts along the first axis. Best for small maps and vectors, where
the time goes by the number of nodes, and for int8, where both parts must be rounded by one scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phasekey.model.rotation import fold, unfold


@dataclass(frozen=True)
class Stacked:
    """shape: of a part of one sample, (C, H, W) or (D,).

    f: maps folded to the batch, (2N, C, H, W), real half first; vectors (2, N, D); both also as (2, N·…).
    A view costs a node, so each is taken only where an operator needs it.
    """

    f: Tensor
    shape: tuple[int, ...]

    @classmethod
    def of(cls, x: Tensor) -> Stacked:
        """From pair layout (N, 2C, H, W) or (N, 2D)."""
        return cls(fold(x), (x.shape[1] // 2, *x.shape[2:]))._view()

    def pair(self) -> Tensor:
        """Back to pair layout."""
        f = self._view().f
        if f.dim() == 4:
            return unfold(f)
        x: Tensor = f.transpose(0, 1).flatten(1)
        return x

    def each(self, layer: nn.Module) -> Stacked:
        """One real layer without bias, on both parts."""
        if isinstance(layer, nn.Flatten):
            count = self.f[0].numel() if self.f.dim() == 4 else self._size()
            return Stacked(self.f.reshape(2, -1, count), (count,))
        result = layer(self._view().f)
        return Stacked(result, tuple(result.shape[1:] if result.dim() == 4 else result.shape[2:]))

    def norm(self) -> Tensor:
        """|f|, (N, ...)."""
        if self.f.dim() == 3:
            norm: Tensor = torch.linalg.vector_norm(self.f, dim=0)
            return norm
        real, imaginary = self._parts()
        return (real * real + imaginary * imaginary).sqrt().reshape(-1, *self.shape)

    def scale(self, factor: Tensor) -> Stacked:
        """f times a real factor (N, ...)."""
        if self.f.dim() == 3:
            return Stacked(self.f * factor, self.shape)
        return Stacked(self._flat() * factor.reshape(-1), self.shape)

    def pick(self, where: Tensor) -> Stacked:
        """The elements at `where` in each plane, (N, C, H', W')."""
        channels, height, width = self.shape
        inside = where.flatten(2)
        planes = (part.reshape(-1, channels, height * width) for part in self._parts())
        picked = torch.cat([plane.gather(2, inside).reshape(1, -1) for plane in planes])
        return Stacked(picked, tuple(where.shape[1:]))

    def add(self, other: Stacked) -> Stacked:
        """f + g."""
        return Stacked(self._view().f + other._view().f, self.shape)

    def _size(self) -> int:
        return int(torch.Size(self.shape).numel())

    def _view(self) -> Stacked:
        """As layers take it: (2N, C, H, W) or (2, N, D)."""
        rank = 4 if len(self.shape) == 3 else 3
        if self.f.dim() == rank:
            return self
        lead = (-1,) if rank == 4 else (2, -1)
        return Stacked(self.f.reshape(*lead, *self.shape), self.shape)

    def _flat(self) -> Tensor:
        return self.f if self.f.dim() == 2 else self.f.reshape(2, -1)

    def _parts(self) -> tuple[Tensor, ...]:
        """Real and imaginary part, each (1, N·…)."""
        return torch.split(self._flat(), 1)
