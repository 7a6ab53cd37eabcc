"""Steps that many rules share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from export.proof.sizes import ONE, NotLinear, Shape, broadcast
from export.proof.step import Step
from export.proof.types import (
    Array,
    Component,
    Constant,
    Factor,
    Invariant,
    Move,
    Paired,
    Refused,
    Tensor,
    Type,
    move,
)

Rule = Callable[[Step], Tensor | list[Tensor]]


def is_invariant(tensor: Tensor) -> bool:
    """Whether rotation leaves the tensor as it is."""
    return isinstance(tensor.type, Constant | Invariant)


def all_invariant(tensors: Sequence[Tensor]) -> bool:
    """Whether rotation leaves all of them as they are."""
    return all(is_invariant(tensor) for tensor in tensors)


def invariant_of(tensors: Sequence[Tensor], copies: Factor | None = None) -> Type:
    """The type of a function of tensors that are all invariant."""
    return Constant() if all(isinstance(tensor.type, Constant) for tensor in tensors) else Invariant(copies)


def is_zero(tensor: Tensor | None) -> bool:
    """Whether the tensor is absent or known to be all zeros: the one constant that is equivariant too."""
    return tensor is None or (tensor.value is not None and bool(np.all(tensor.value == 0)))


def require_invariant(step: Step, *positions: int) -> None:
    """Raise Refused unless the inputs there, where present, are unchanged by rotation."""
    for position in positions:
        tensor = step.optional(position)
        if tensor is not None and not is_invariant(tensor):
            raise Refused(f"input {position} of {step.op} must not turn with the input; it is: {tensor.type}")


def broadcast_shape(step: Step) -> Shape | None:
    """The shape of an elementwise result, None where a shape is not known or they do not fit."""
    shapes = [tensor.shape for tensor in step.tensors if tensor.shape is not None]
    return broadcast(shapes) if len(shapes) == len(step.tensors) else None


def known_broadcast_shape(step: Step) -> Shape:
    """Likewise; raises Refused where there is none."""
    shape = broadcast_shape(step)
    if shape is None:
        raise Refused(
            f"the shapes of its inputs are not known to fit for every batch size: "
            f"{', '.join(str(tensor) for tensor in step.tensors)}"
        )
    return shape


def broadcast_type(tensor: Tensor, shape: Shape) -> Type:
    """The tensor's type once it is broadcast to this shape."""
    own = tensor.shape
    if own is None:
        raise Refused("the shape of an input is not known, so its layout cannot be followed")
    lead = len(shape) - len(own)

    def mapped(factor: Factor) -> Factor | None:
        moved = replace(factor, axis=factor.axis + lead)
        return moved if shape[moved.axis] == own[factor.axis] else None

    return move(tensor.type, mapped)


def equal_along(tensor: Tensor, factor: Factor, rank: int) -> bool:
    """Whether a tensor, broadcast to `rank` axes, is known to be equal along the factor of the parts."""
    if tensor.shape is None:
        return False
    axis = factor.axis - (rank - len(tensor.shape))
    if axis < 0 or tensor.shape[axis] == ONE:
        return True
    own = replace(factor, axis=axis)
    if isinstance(tensor.type, Invariant):
        return tensor.type.copies == own
    return isinstance(tensor.type, Constant) and tensor.value is not None and _equal_parts(tensor.value, own)


def _equal_parts(value: Array, factor: Factor) -> bool:
    parts = split_factor(value, factor)
    return parts is not None and all(np.array_equal(parts[0], part) for part in parts[1:])


def split_factor(value: Array, factor: Factor) -> Array | None:
    """An array with the factor as a new first axis; None where the axis is not made so."""
    inner, size, length = factor.inner.fixed, factor.size.fixed, value.shape[factor.axis]
    if inner is None or size is None or length % (inner * size):
        return None
    before, after = value.shape[: factor.axis], value.shape[factor.axis + 1 :]
    split = value.reshape(*before, length // (inner * size), size, inner, *after)
    return np.moveaxis(split, factor.axis + 1, 0)


def require_equal_along(step: Step, tensor: Tensor, pair: Factor, rank: int) -> None:
    """Raise Refused unless all parts meet the same values."""
    if not equal_along(tensor, pair, rank):
        raise Refused(
            f"{step.op} must give {step.group.parts} the same factor; here the factor may differ along {pair}"
        )


Entry = Component | int


def combine(step: Step, entries: Sequence[Entry], *key: object) -> Component:
    """The part that a real-linear map makes of parts: sum over j of L_j(Re(i^-k_j W_j)).

    It is Re(i^-k W) with k = k_0 and W = sum of i^(k_0 - k_j) L_j(W_j). Its partner comes of the same map
    on the partners, so the number of W is made of the map and of k_j - k_0 alone. Under O(k) all must
    be the same component. Plain numbers among the entries are invariant inputs.
    """
    parts = [entry for entry in entries if isinstance(entry, Component)]
    first = parts[0]
    if any(part.kind is not first.kind or part.sample != first.sample for part in parts):
        raise Refused(f"{step.op} joins parts that do not turn alike: {', '.join(map(str, parts))}")
    relative = tuple(
        (entry.source, step.group.turn_between(first, entry)) if isinstance(entry, Component) else entry
        for entry in entries
    )
    return replace(first, source=step.numbering.number("linear", *key, relative))


def linear(step: Step, position: int, shape: Shape | None, mapped: Move) -> Tensor:
    """The result of a map that is linear in one input with invariant coefficients in the others.

    `mapped` says where the factors of that input go; factors that the map mixes must go to None.
    """
    data = step.input(position)
    require_invariant(step, *(other for other in range(len(step.inputs)) if other != position))
    if is_invariant(data):
        moved = move(data.type, mapped)
        copies = moved.copies if isinstance(moved, Invariant) else None
        return Tensor(shape, invariant_of(step.tensors, copies))
    if not isinstance(data.type, Component | Paired):
        raise Refused(f"{step.op} has no rule for: {data.type}")
    type_ = data.type
    if isinstance(type_, Component):
        entries = [
            type_ if at == position else -1 if tensor is None else tensor.number
            for at, tensor in enumerate(step.inputs)
        ]
        type_ = combine(step, entries, position, *step.key)
    return Tensor(shape, move(type_, mapped))


def sizes_or_refuse(compute: Callable[[], Shape]) -> Shape:
    """A computed shape; Refused where it is not of the form a·N + b."""
    try:
        return compute()
    except NotLinear:
        raise Refused("the shape depends on the batch size in a way that cannot be followed") from None
