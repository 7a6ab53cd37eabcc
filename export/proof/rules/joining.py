"""Concat: the one operator that makes a pair of two parts again."""

from __future__ import annotations

from export.proof.rules.common import (
    Rule,
    all_invariant,
    combine,
    equal_along,
    invariant_of,
    is_invariant,
    is_zero,
)
from export.proof.sizes import Shape, Size, divide, size_of
from export.proof.step import Step
from export.proof.types import Component, Factor, Invariant, Paired, Refused, Tensor, Type


def concat(step: Step) -> Tensor:
    """Concat: of invariants, of pairs, or of all parts in order (real, then imaginary)."""
    tensors = step.tensors
    if any(tensor.shape is None for tensor in tensors) and all_invariant(tensors):
        return Tensor(None, invariant_of(tensors))
    shapes = [step.shape(position) for position in range(len(tensors))]
    axis = step.axis(len(shapes[0]))
    shape = _joined_shape(shapes, axis)
    if all_invariant(tensors):
        return Tensor(shape, invariant_of(tensors, _copies(step, shapes, axis)))
    return Tensor(shape, _joined_type(step, tensors, shapes, axis))


def _joined_shape(shapes: list[Shape], axis: int) -> Shape:
    others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(others) > 1:
        raise Refused("Concat needs equal sizes on every other axis")
    total = sum((shape[axis] for shape in shapes), size_of(0))
    return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])


def _copies(step: Step, shapes: list[Shape], axis: int) -> Factor | None:
    """Joined k times over, the result is equal along the new factor; else an old one may go on."""
    tensors, size = step.tensors, step.group.size
    each, numbers = len(tensors) // size, [tensor.number for tensor in tensors]
    if each and numbers == numbers[:each] * size:
        return Factor(axis, sum((shape[axis] for shape in shapes[:each]), size_of(0)), size_of(size))
    for tensor in tensors:
        copies = tensor.type.copies if isinstance(tensor.type, Invariant) else None
        if copies and copies.axis != axis:
            return copies if all(equal_along(other, copies, len(shapes[0])) for other in tensors) else None
    return None


def _joined_type(step: Step, tensors: tuple[Tensor, ...], shapes: list[Shape], axis: int) -> Type:
    types = [tensor.type for tensor in tensors]
    if all(isinstance(type_, Component) for type_ in types):
        parts = [type_ for type_ in types if isinstance(type_, Component)]
        return _joined_parts(step, parts, [shape[axis] for shape in shapes], axis)
    pairs = [type_ for type_ in types if isinstance(type_, Paired)]
    zeros = [tensor for tensor in tensors if is_invariant(tensor) and is_zero(tensor)]
    if len(pairs) + len(zeros) == len(types) and pairs and all(pair == pairs[0] for pair in pairs):
        return _joined_pairs(pairs[0], shapes, axis)
    raise Refused(f"Concat joins tensors that do not turn alike: {'; '.join(map(str, types))}")


def _joined_pairs(type_: Paired, shapes: list[Shape], axis: int) -> Paired:
    for factor in (type_.pair, type_.sample):
        if factor and factor.axis == axis:
            whole = factor.inner * factor.size
            if any(divide(shape[axis], whole) is None for shape in shapes):
                raise Refused(f"Concat along the axis that holds {factor} would cut it")
    return type_


def _joined_parts(step: Step, parts: list[Component], lengths: list[Size], axis: int) -> Type:
    size = step.group.size
    each = len(parts) // size
    pieces = [parts[start : start + each] for start in range(0, len(parts), each or 1)]
    if any(part.sample != parts[0].sample or part.kind != parts[0].kind for part in parts):
        raise Refused(f"Concat joins parts that do not turn alike: {'; '.join(map(str, parts))}")
    if len(pieces) == size and all(_sources(piece) == _sources(pieces[0]) for piece in pieces):
        if not all(step.group.in_order(partners) for partners in zip(*pieces, strict=True)):
            how = "the imaginary parts after their real parts" if size == 2 else "the components"
            raise Refused(f"Concat must put {how}, in the same order; it joins: {'; '.join(map(str, parts))}")
        return _paired(parts[0], sum(lengths[:each], size_of(0)), axis, size_of(size))
    return _long_part(step, parts, axis)


def _sources(parts: list[Component]) -> list[int]:
    return [part.source for part in parts]


def _paired(part: Component, length: Size, axis: int, size: Size) -> Paired:
    pair = Factor(axis, length, size)
    sample = part.sample
    if sample and sample.axis == axis and divide(length, sample.inner * sample.size) is None:
        raise Refused(f"Concat along the axis that holds {sample} would cut it")
    return Paired(part.kind, pair, sample)


def _long_part(step: Step, parts: list[Component], axis: int) -> Component:
    if parts[0].sample and parts[0].sample.axis == axis:
        raise Refused("Concat of parts along the batch is of use only for the two parts of one pair")
    return combine(step, parts, *step.key)


RULES: dict[str, Rule] = {"Concat": concat}
