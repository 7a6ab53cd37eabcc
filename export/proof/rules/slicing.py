"""Split and Slice."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from export.proof.rules.common import Rule
from export.proof.rules.selection import Picks, Span, select
from export.proof.sizes import NotLinear, Shape, Size, at_most, clamp, divide, size_of
from export.proof.step import Step, fixed
from export.proof.types import Refused, Tensor

_TO_THE_END = 2**31 - 1  # exporters write this or more for "to the end"; batches are smaller


def split(step: Step) -> list[Tensor]:
    """Split: into consecutive pieces of one axis."""
    shape = step.shape(0)
    axis = step.axis(len(shape), 0)
    ends = list(accumulate(_pieces(step, shape[axis]), initial=size_of(0)))
    return [select(step, {axis: _picks(start, stop, shape[axis])}) for start, stop in pairwise(ends)]


def _pieces(step: Step, length: Size) -> list[Size]:
    sizes = step.attribute("split")
    if sizes is not None:
        return [size_of(int(size)) for size in sizes]
    if step.optional(1) is not None:
        return list(step.sizes(1))
    number = len(step.node.output)
    if step.attribute("num_outputs", number) != number:
        raise Refused("Split declares another number of outputs than it has")
    each = divide(length, size_of(number))
    if each is not None:
        return [each] * number
    larger = -(-fixed(length) // number)  # the last piece is the smaller one
    return [size_of(larger)] * (number - 1) + [length - larger * (number - 1)]


def _picks(start: Size, stop: Size, length: Size) -> Picks:
    if length.fixed is None:
        return Span(start, stop)
    return np.arange(fixed(start), fixed(stop))


def slice_(step: Step) -> Tensor:
    """Slice: ranges of one or more axes."""
    shape = step.shape(0)
    starts, stops = step.sizes(1), step.sizes(2)
    axes = step.axes(len(shape), 3) or tuple(range(len(starts)))
    strides = step.sizes(4) if step.optional(4) else (size_of(1),) * len(starts)
    if not len(starts) == len(stops) == len(axes) == len(strides):
        raise Refused("Slice needs as many starts as ends, axes and steps")
    ranges = zip(axes, starts, stops, strides, strict=True)
    return select(step, {axis: _range(shape, axis, *bounds) for axis, *bounds in ranges})


def _range(shape: Shape, axis: int, start: Size, stop: Size, stride: Size) -> Picks:
    length = shape[axis]
    if length.fixed is not None:
        return np.arange(length.fixed)[slice(fixed(start), fixed(stop), fixed(stride))]
    if stride != size_of(1):
        raise Refused("Slice with steps along the batch takes samples or parts apart")
    try:
        span = Span(_bound(start, length), _bound(stop, length))
        if at_most(span.start, span.stop):
            return span
        raise Refused("Slice takes nothing from the batch axis")
    except NotLinear:
        raise Refused("Slice cuts the batch axis at a place that depends on the batch size") from None


def _bound(value: Size, length: Size) -> Size:
    if value.fixed is not None and value.fixed >= _TO_THE_END:
        return length
    from_front = value if at_most(size_of(0), value) else value + length
    return clamp(from_front, size_of(0), length)


RULES: dict[str, Rule] = {"Split": split, "Slice": slice_}
