"""Sizes that may depend on the batch: a·N + b with whole a and b, for every batch size N ≥ 1.

Whatever is concluded here holds for all N at once; what cannot be said for all N raises NotLinear or
gives None, and the proof stops there rather than guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import index, mul


class NotLinear(Exception):  # noqa: N818 - a signal between functions here, never seen by a user
    """A size would not be of the form a·N + b, or a comparison has no answer that holds for every N."""


@dataclass(frozen=True)
class Size:
    """scale · N + offset."""

    scale: int = 0
    offset: int = 0

    @property
    def fixed(self) -> int | None:
        """The number itself where it does not depend on N."""
        return None if self.scale else self.offset

    def __add__(self, other: Size | int) -> Size:
        other = size_of(other)
        return Size(self.scale + other.scale, self.offset + other.offset)

    def __neg__(self) -> Size:
        return Size(-self.scale, -self.offset)

    def __sub__(self, other: Size | int) -> Size:
        return self + -size_of(other)

    def __mul__(self, other: Size | int) -> Size:
        other = size_of(other)
        if self.scale and other.scale:
            raise NotLinear
        return Size(self.scale * other.offset + self.offset * other.scale, self.offset * other.offset)

    def __floordiv__(self, other: Size | int) -> Size:
        """Whole quotient of a size that is never negative, as ONNX's Div and Python's // agree on it."""
        exact = divide(self, size_of(other))
        if exact is not None:
            return exact
        divisor = size_of(other).fixed
        if not divisor or divisor < 0 or self.scale % divisor or not at_most(size_of(0), self):
            raise NotLinear
        return Size(self.scale // divisor, self.offset // divisor)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Size:
        return size_of(other) - self

    def __rfloordiv__(self, other: int) -> Size:
        return size_of(other) // self

    def __str__(self) -> str:
        if not self.scale:
            return str(self.offset)
        text = "N" if self.scale == 1 else f"{self.scale}N"
        return f"{text}{self.offset:+d}" if self.offset else text


Shape = tuple[Size, ...]
ONE = Size(0, 1)
BATCH = Size(1, 0)


def size_of(value: Size | int) -> Size:
    """A number, or a size, as a size."""
    return value if isinstance(value, Size) else Size(0, index(value))


def shape_of(values: Iterable[Size | int]) -> Shape:
    """Numbers and sizes as a shape."""
    return tuple(size_of(value) for value in values)


def product(sizes: Iterable[Size]) -> Size:
    """Their product. Raises NotLinear where N would be squared."""
    return reduce(mul, sizes, ONE)


def divide(size: Size, by: Size) -> Size | None:
    """size / by where that is a whole number for every N, else None. Zero divides nothing."""
    if by.scale == 0:
        whole = by.offset != 0 and size.scale % by.offset == 0 and size.offset % by.offset == 0
        return Size(size.scale // by.offset, size.offset // by.offset) if whole else None
    # (aN + b) / (cN + d) is constant exactly where the two are proportional.
    proportional = size.scale * by.offset == size.offset * by.scale and size.scale % by.scale == 0
    return size_of(size.scale // by.scale) if proportional else None


def at_most(left: Size, right: Size) -> bool:
    """left ≤ right. Raises NotLinear where that depends on N."""
    gap = right - left
    if gap.scale >= 0 and gap.scale + gap.offset >= 0:
        return True
    if gap.scale <= 0 and gap.scale + gap.offset < 0:
        return False
    raise NotLinear


def clamp(value: Size, low: Size, high: Size) -> Size:
    """value brought into [low, high], for every N."""
    if not at_most(low, value):
        return low
    return value if at_most(value, high) else high


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The shape that ONNX broadcasting gives for every N, or None where it gives none."""
    rank = max(len(shape) for shape in shapes)
    padded = [(ONE,) * (rank - len(shape)) + shape for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        larger = {size for size in sizes if size != ONE}
        if len(larger) > 1:
            return None
        result.append(larger.pop() if larger else ONE)
    return tuple(result)


def show(shape: Shape | None) -> str:
    """A shape for people: (2N, 16, 5, 5)."""
    return "(?)" if shape is None else "(" + ", ".join(str(size) for size in shape) + ")"
