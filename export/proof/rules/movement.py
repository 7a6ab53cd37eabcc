"""Operators that only move elements about, or repeat them: the order or the shape changes."""

from __future__ import annotations

from dataclasses import replace

from export.proof.rules.common import Rule, invariant_of, is_invariant, is_zero, linear, sizes_or_refuse
from export.proof.sizes import ONE, Shape, broadcast, divide, product, size_of
from export.proof.step import Step, normal_axis
from export.proof.types import (
    Constant,
    Factor,
    Invariant,
    Move,
    Refused,
    Tensor,
    move,
    outside,
    relocate,
)


def moved(step: Step, shape: Shape, mapped: Move) -> Tensor:
    """The result of a move of input 0, whatever its type; index tensors keep what they point into."""
    data = step.input(0)
    if isinstance(data.type, Invariant):
        return Tensor(shape, move(data.type, mapped))
    if isinstance(data.type, Constant):
        return Tensor(shape, Constant())
    return linear(step, 0, shape, mapped)


def reshape(step: Step) -> Tensor:
    """Reshape: the pair and the sample must each stay one factor of one axis."""
    old = step.shape(0)
    new = sizes_or_refuse(lambda: _target(old, step.sizes(1), bool(step.attribute("allowzero", 0))))
    return moved(step, new, relocate(old, new))


def _target(old: Shape, wanted: Shape, allow_zero: bool) -> Shape:
    zero, rest = size_of(0), size_of(-1)
    if not allow_zero:
        if any(size == zero and axis >= len(old) for axis, size in enumerate(wanted)):
            raise Refused("Reshape copies a size from an axis that its input does not have")
        wanted = tuple(old[axis] if size == zero else size for axis, size in enumerate(wanted))
    known, total = product(size for size in wanted if size != rest), product(old)
    if rest not in wanted and known != total:
        raise Refused("Reshape does not fit for every batch size; give -1 for the axis that holds the batch")
    missing = divide(total, known)
    if missing is None or wanted.count(rest) > 1:
        raise Refused("Reshape does not fit for every batch size")
    return tuple(missing if size == rest else size for size in wanted)


def flatten(step: Step) -> Tensor:
    """Flatten to a matrix."""
    old = step.shape(0)
    raw = int(step.attribute("axis", 1))
    axis = raw + len(old) if raw < 0 else raw
    new = sizes_or_refuse(lambda: (product(old[:axis]), product(old[axis:])))
    return moved(step, new, relocate(old, new))


def squeeze(step: Step) -> Tensor:
    """Squeeze: drops axes of size 1."""
    old = step.shape(0)
    axes = step.axes(len(old), 1)
    if axes is None:
        if step.optional(1) is not None:
            raise Refused("Squeeze with an empty list of axes means different things to different runtimes")
        if any(size.fixed is None for size in old):
            raise Refused("Squeeze without axes drops the batch axis of a batch of one; name the axes")
        axes = tuple(axis for axis, size in enumerate(old) if size == ONE)
    if any(old[axis] != ONE for axis in axes):
        raise Refused("Squeeze names an axis whose size is not 1")
    new = tuple(size for axis, size in enumerate(old) if axis not in axes)
    return moved(step, new, relocate(old, new))


def unsqueeze(step: Step) -> Tensor:
    """Unsqueeze: adds axes of size 1."""
    old = step.shape(0)
    axes = step.integers("axes", 1) or []
    rank = len(old) + len(axes)
    new_axes = {normal_axis(axis, rank) for axis in axes}
    sizes = iter(old)
    new = tuple(ONE if axis in new_axes else next(sizes) for axis in range(rank))
    return moved(step, new, relocate(old, new))


def transpose(step: Step) -> Tensor:
    """Transpose: the factors go with their axes."""
    old = step.shape(0)
    order = [int(axis) for axis in step.attribute("perm", list(reversed(range(len(old)))))]
    new = tuple(old[axis] for axis in order)
    return moved(step, new, lambda factor: replace(factor, axis=order.index(factor.axis)))


def expand(step: Step) -> Tensor:
    """Expand: repeats along axes of size 1."""
    old = step.shape(0)
    new = broadcast([old, step.sizes(1)])
    if new is None:
        raise Refused("Expand does not fit for every batch size")
    lead = len(new) - len(old)

    def mapped(factor: Factor) -> Factor | None:
        grown = replace(factor, axis=factor.axis + lead)
        return grown if new[grown.axis] == old[factor.axis] else None

    return moved(step, new, mapped)


def tile(step: Step) -> Tensor:
    """Tile: an axis of an invariant, k times over, holds k equal copies, as a factor for all parts does."""
    old, repeats = step.shape(0), step.sizes(1)
    new = sizes_or_refuse(lambda: tuple(size * times for size, times in zip(old, repeats, strict=True)))
    data = step.input(0)
    if is_invariant(data):
        size = size_of(step.group.size)
        tiled = [axis for axis, times in enumerate(repeats) if times == size]
        copies = Factor(tiled[0], old[tiled[0]], size) if tiled else None
        return Tensor(new, invariant_of(step.tensors, copies))
    return moved(step, new, outside(*(axis for axis, times in enumerate(repeats) if times != ONE)))


def pad(step: Step) -> Tensor:
    """Pad: with zeros, or with the tensor's own values, on axes that hold neither pair nor sample."""
    old = step.shape(0)
    amounts = step.integers("pads", 1)
    axes = step.axes(len(old), 3) or tuple(range(len(old)))
    if amounts is None or len(amounts) != 2 * len(axes):
        raise Refused("Pad needs two amounts for each axis")
    fills = step.attribute("mode", "constant") == "constant" and not is_zero(step.optional(2))
    if fills and not is_invariant(step.input(0)):
        raise Refused("Pad fills in a constant other than zero, which does not turn with the input")
    added = {axis: (amounts[at], amounts[at + len(axes)]) for at, axis in enumerate(axes)}
    new = tuple(size + sum(added.get(axis, (0, 0))) for axis, size in enumerate(old))
    result = moved(step, new, outside(*(axis for axis, both in added.items() if any(both))))
    # What is filled in is no index into its row.
    return (
        replace(result, type=replace(result.type, index=None))
        if isinstance(result.type, Invariant)
        else result
    )


def shape_of_input(step: Step) -> Tensor:
    """Shape, Size where the value is not known: it depends on the batch size alone."""
    step.shape(0)
    return Tensor(None, Constant())


RULES: dict[str, Rule] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Expand": expand,
    "Tile": tile,
    "Pad": pad,
    "Shape": shape_of_input,
    "Size": shape_of_input,
}
