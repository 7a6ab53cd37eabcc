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
from export.proof.types import Component, Factor, Invariant, Kind, Paired, Refused, Tensor, Type


def concat(step: Step) -> Tensor:
    """Concat: of invariants, of pairs, or of real parts followed by their imaginary parts."""
    tensors = step.tensors
    if any(tensor.shape is None for tensor in tensors) and all_invariant(tensors):
        return Tensor(None, invariant_of(tensors))
    shapes = [step.shape(position) for position in range(len(tensors))]
    axis = step.axis(len(shapes[0]))
    shape = _joined_shape(shapes, axis)
    if all_invariant(tensors):
        return Tensor(shape, invariant_of(tensors, _copies(tensors, shapes, axis)))
    return Tensor(shape, _joined_type(step, tensors, shapes, axis))


def _joined_shape(shapes: list[Shape], axis: int) -> Shape:
    others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(others) > 1:
        raise Refused("Concat needs equal sizes on every other axis")
    total = sum((shape[axis] for shape in shapes), size_of(0))
    return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])


def _copies(tensors: tuple[Tensor, ...], shapes: list[Shape], axis: int) -> Factor | None:
    """Joined twice over, the result is equal along the new factor; else an old one may go on."""
    half = len(tensors) // 2
    numbers = [tensor.number for tensor in tensors]
    if half and numbers[:half] == numbers[half:]:
        return Factor(axis, sum((shape[axis] for shape in shapes[:half]), size_of(0)), size_of(2))
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
    half = len(parts) // 2
    first, second = parts[:half], parts[half:]
    if any(part.sample != parts[0].sample or part.kind != parts[0].kind for part in parts):
        raise Refused(f"Concat joins parts that do not turn alike: {'; '.join(map(str, parts))}")
    if half and len(parts) == 2 * half and _sources(first) == _sources(second):
        if not all(map(_partners, first, second)):
            raise Refused(
                "Concat must put the imaginary parts after their real parts, in the same order; it joins: "
                + "; ".join(map(str, parts))
            )
        return _paired(parts[0], sum(lengths[:half], size_of(0)), axis)
    return _long_part(step, parts, axis)


def _sources(parts: list[Component]) -> list[int]:
    return [part.source for part in parts]


def _partners(real: Component, imaginary: Component) -> bool:
    if real.kind is Kind.PRODUCTS:
        return real.part != imaginary.part
    return imaginary.part == (real.part + 1) % 4


def _paired(part: Component, length: Size, axis: int) -> Paired:
    pair = Factor(axis, length, size_of(2))
    sample = part.sample
    if sample and sample.axis == axis and divide(length, sample.inner * sample.size) is None:
        raise Refused(f"Concat along the axis that holds {sample} would cut it")
    return Paired(part.kind, pair, sample)


def _long_part(step: Step, parts: list[Component], axis: int) -> Component:
    if parts[0].sample and parts[0].sample.axis == axis:
        raise Refused("Concat of parts along the batch is of use only for the two parts of one pair")
    return combine(step, parts, *step.key)


RULES: dict[str, Rule] = {"Concat": concat}
