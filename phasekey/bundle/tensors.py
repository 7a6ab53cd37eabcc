"""What a graph says about one of its inputs or outputs. A leaf module: it imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TensorSpec:
    """Name, element type and shape of one input or output of a graph.

    Attributes:
        name: the graph's own name for it.
        dtype: numpy's name of the element type, e.g. ``"float32"``.
        shape: sizes in order; None stands for a size that is free, usually the batch.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def admits(self, dtype: str, shape: Sequence[int | None]) -> bool:
        """Tell whether a tensor of this element type and shape fits: fixed sizes must be equal."""
        if dtype != self.dtype or len(shape) != len(self.shape):
            return False
        return all(want is None or want == size for want, size in zip(self.shape, shape, strict=True))

    def __str__(self) -> str:
        return f"{self.dtype} {format_shape(self.shape)}"


def format_shape(shape: Iterable[int | None]) -> str:
    """Write a shape for people: ``(N, 3, 32, 32)``, with N for a free size."""
    return "(" + ", ".join("N" if size is None else str(size) for size in shape) + ")"
