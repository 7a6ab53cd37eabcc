"""What the proof knows of a tensor.

Let every sample n of the batch be turned by a matrix Q_n of its own, as the SDK does it: a rotation of the
pair (re, im), or an orthogonal matrix on k components (group.py). A tensor is

- Constant    the same whatever the input holds (weights, shapes);
- Invariant   unchanged by every such turn;
- Paired      one factor of one axis, of size k (2 for a pair), holds the parts, and
              ROTATES: the parts of sample n turn by Q_n, or
              PRODUCTS: only the sum over the factor is unchanged (re·re' and im·im', before the sum);
- Component   one of the parts, alone in a tensor;
- Shifted     a quantised tensor: minus its zero point, it has the type inside;
- Unknown     none of these could be shown.

A factor is where an index lies inside an axis: an axis of outer·size·inner elements, row-major. So the
channel axis of (N, 2C, H, W), real block first, holds the pair as (1·2·C); interleaved parts would be
(C·2·1); the folded batch axis of (2N, C, H, W) holds the pair as (1·2·N) and the sample as (2·N·1). With k
components it is the same with k in place of 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from export.proof.sizes import NotLinear, Shape, Size, divide, product, show, size_of

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Factor:
    """Where one index lies: `axis` is an axis of outer·size·inner elements."""

    axis: int
    inner: Size
    size: Size

    def __str__(self) -> str:
        return f"axis {self.axis} = …·{self.size}·{self.inner}"


class Kind(Enum):
    """How the two parts of a pair behave when the input is rotated."""

    ROTATES = "rotating"
    PRODUCTS = "products"


@dataclass(frozen=True)
class RowIndex:
    """Of an index tensor: an entry in row b of `rows` points into [b·width, (b + 1)·width)."""

    rows: Factor
    width: Size


@dataclass(frozen=True)
class Constant:
    """Does not depend on the input's elements (on the batch size it may)."""

    def __str__(self) -> str:
        return "constant"


@dataclass(frozen=True)
class Invariant:
    """Unchanged by any turn. copies: a factor of the group's size along which it is equal."""

    copies: Factor | None = None
    index: RowIndex | None = None

    def __str__(self) -> str:
        return "invariant" + (f", both copies equal ({self.copies})" if self.copies else "")


@dataclass(frozen=True)
class Paired:
    """All parts in one tensor. sample: where the sample lies (None: a batch of one, or PRODUCTS)."""

    kind: Kind
    pair: Factor
    sample: Factor | None

    def __str__(self) -> str:
        name = "equivariant pair" if self.kind is Kind.ROTATES else "products of both parts"
        return f"{name} ({self.pair})"


@dataclass(frozen=True)
class Component:
    """One part of the complex tensor numbered `source`.

    part: k stands for Re(i^-k · source): 0 re, 1 im, 2 -re, 3 -im. Of PRODUCTS only 0 and 1. Where
    `orthogonal`, it is component `part` of the source, from 0; of PRODUCTS, bit i is set for each product of
    components i that the sum has so far.
    """

    kind: Kind
    source: int
    part: int
    sample: Factor | None
    orthogonal: bool = False

    def __str__(self) -> str:
        if self.orthogonal and self.kind is Kind.PRODUCTS:
            return f"{self.part.bit_count()} of the products that make an invariant (#{self.source})"
        if self.orthogonal:
            return f"component {self.part + 1} alone (#{self.source})"
        if self.kind is Kind.PRODUCTS:
            return f"product {self.part + 1} of the two that make an invariant (#{self.source})"
        return f"{('real', 'imaginary', '-real', '-imaginary')[self.part]} part alone (#{self.source})"


@dataclass(frozen=True)
class Shifted:
    """Quantised values: minus `zero_point` they have the type `inside`.

    Whole numbers wrap, and their division cuts off: they are of no use before they are scaled back.
    """

    inside: Paired | Component
    zero_point: int

    def __str__(self) -> str:
        return f"{self.inside}, quantised around {self.zero_point}"


@dataclass(frozen=True)
class Unknown:
    """Nothing could be shown; `reason` is the rule that failed."""

    reason: str

    def __str__(self) -> str:
        return "unknown"


Type = Constant | Invariant | Paired | Component | Shifted | Unknown
Varying = Paired | Component


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph: shape (None: not known), type, value number, and value where constant.

    Two tensors with the same number are equal for every input. A value is a numpy array; one of shape
    arithmetic may be an object array of Size.
    """

    shape: Shape | None
    type: Type
    number: int = -1
    value: Array | None = None

    def __str__(self) -> str:
        return f"{show(self.shape)} {self.type}"


class Refused(Exception):  # noqa: N818 - carries the rule's text to the checker
    """A rule does not hold; the text says which and what would."""


Move = Callable[[Factor], Factor | None]


def move(type_: Type, mapped: Move) -> Type:
    """The type after the elements moved (or were mixed) so that factors went where `mapped` says.

    Raises:
        Refused: the pair or the sample would be lost.
    """
    if isinstance(type_, Invariant):
        copies = mapped(type_.copies) if type_.copies else None
        return Invariant(copies, _moved_index(type_.index, mapped))
    if isinstance(type_, Component):
        return replace(type_, sample=move_sample(type_.sample, mapped))
    if isinstance(type_, Paired):
        pair = mapped(type_.pair)
        if pair is None:
            raise Refused(
                f"it mixes or cuts the real and imaginary parts, which lie in {type_.pair}; "
                "both must go through the same map, kept apart"
            )
        return replace(type_, pair=pair, sample=move_sample(type_.sample, mapped))
    return type_


def _moved_index(index: RowIndex | None, mapped: Move) -> RowIndex | None:
    rows = mapped(index.rows) if index else None
    return replace(index, rows=rows) if index and rows else None


def move_sample(sample: Factor | None, mapped: Move) -> Factor | None:
    """Where the sample goes. Raises Refused where it would be lost."""
    moved = mapped(sample) if sample else None
    if sample and moved is None:
        raise Refused(f"it mixes or cuts samples ({sample}), and each sample has an angle of its own")
    return moved


def locate(shape: Shape, stride: Size, size: Size) -> Factor | None:
    """The factor of `size` whose neighbours lie `stride` elements apart in a row-major tensor."""
    try:
        suffix = size_of(1)
        for axis in reversed(range(len(shape))):
            inner = divide(stride, suffix)
            if inner is not None and divide(shape[axis], inner * size) is not None:
                return Factor(axis, inner, size)
            suffix = suffix * shape[axis]
    except NotLinear:
        return None
    return None


def relocate(old: Shape, new: Shape) -> Move:
    """How factors move when a tensor of shape `old` is read, in the same order, with shape `new`."""

    def mapped(factor: Factor) -> Factor | None:
        try:
            stride = factor.inner * product(old[factor.axis + 1 :])
        except NotLinear:
            return None
        return locate(new, stride, factor.size)

    return mapped


def outside(*axes: int) -> Move:
    """Factors on these axes are lost, all others stay."""
    return lambda factor: None if factor.axis in axes else factor


def shifted(by: int) -> Move:
    """Every factor moves `by` axes to the right: what broadcasting to a higher rank does."""
    return lambda factor: replace(factor, axis=factor.axis + by)
