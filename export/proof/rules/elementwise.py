"""Operators that act on each element by itself."""

from __future__ import annotations

import numpy as np
import onnx

from export.proof.rules.common import (
    Entry,
    Rule,
    all_invariant,
    broadcast_shape,
    broadcast_type,
    combine,
    equal_along,
    invariant_of,
    is_invariant,
    is_zero,
    known_broadcast_shape,
    linear,
    require_equal_along,
)
from export.proof.sizes import Shape
from export.proof.step import Step
from export.proof.types import (
    Component,
    Factor,
    Invariant,
    Kind,
    Paired,
    Refused,
    Shifted,
    Tensor,
    Type,
    Varying,
)

_FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.BFLOAT16,
}


def on_invariants(step: Step) -> Tensor:
    """Any elementwise function of invariants is invariant; of anything else it is refused."""
    if not all_invariant(step.tensors):
        raise Refused(
            f"{step.op} acts on the real and the imaginary part each by itself; "
            "only functions of the norm and factors common to both parts commute with a rotation"
        )
    shape = broadcast_shape(step)
    copies = None if shape is None else _common_copies(step.tensors, shape)
    return Tensor(shape, invariant_of(step.tensors, copies))


def _common_copies(tensors: tuple[Tensor, ...], shape: Shape) -> Factor | None:
    for tensor in tensors:
        moved = broadcast_type(tensor, shape)
        copies = moved.copies if isinstance(moved, Invariant) else None
        if copies and all(equal_along(other, copies, len(shape)) for other in tensors):
            return copies
    return None


def add(step: Step) -> Tensor:
    """Add, Sub, Sum: of tensors that turn alike."""
    if all_invariant(step.tensors):
        return on_invariants(step)
    shape = known_broadcast_shape(step)
    terms = [(position, tensor) for position, tensor in enumerate(step.tensors) if not is_zero(tensor)]
    if any(is_invariant(tensor) for _, tensor in terms):
        raise Refused(
            f"{step.op} joins a tensor that turns with the input and one that does not "
            "(a bias, a mean, a constant): the sum does neither"
        )
    types = [_signed(step, position, broadcast_type(tensor, shape)) for position, tensor in terms]
    return Tensor(shape, _sum(step, types))


def _signed(step: Step, position: int, type_: Type) -> Type:
    if step.op != "Sub" or position == 0 or isinstance(type_, Paired):
        return type_
    if isinstance(type_, Component) and type_.kind is Kind.ROTATES:
        return step.group.negated(type_, step.numbering)
    raise Refused("a difference of products of the two parts is no norm; only their sum is invariant")


def _sum(step: Step, types: list[Type]) -> Type:
    first = types[0]
    if isinstance(first, Paired) and all(type_ == first for type_ in types):
        return first
    if all(isinstance(type_, Component) for type_ in types):
        return _sum_of_parts(step, [type_ for type_ in types if isinstance(type_, Component)])
    raise Refused(f"{step.op} joins tensors that do not turn alike: {'; '.join(map(str, types))}")


def _sum_of_parts(step: Step, parts: list[Component]) -> Type:
    if len(parts) == 1:
        return parts[0]
    products = step.group.sum_of_products(parts)
    if products is not None:
        return products
    ordered = sorted(parts, key=lambda part: (part.source, part.part))
    return combine(step, ordered, "sum")


def multiply(step: Step) -> Tensor:
    """Mul: by an invariant that is the same for both parts, or of two turning tensors (products)."""
    if all_invariant(step.tensors):
        return on_invariants(step)
    left, right = step.input(0), step.input(1)
    if is_invariant(right):
        return _scaled(step, left, right)
    if is_invariant(left):
        return _scaled(step, right, left)
    return _products(step, left, right)


def divide(step: Step) -> Tensor:
    """Div: by an invariant that is the same for both parts."""
    if not all_invariant(step.tensors) and not is_invariant(step.input(1)):
        raise Refused("Div divides by a tensor that turns with the input")
    return on_invariants(step) if all_invariant(step.tensors) else _scaled(step, *step.tensors)


def _scaled(step: Step, tensor: Tensor, factor: Tensor) -> Tensor:
    shape = known_broadcast_shape(step)
    type_ = broadcast_type(tensor, shape)
    if isinstance(type_, Paired):
        require_equal_along(step, factor, type_.pair, len(shape))
        return Tensor(shape, type_)
    if isinstance(type_, Component):
        return Tensor(shape, combine(step, [type_, factor.number], step.op))
    raise Refused(f"{step.op} has no rule for: {type_}")


def _products(step: Step, left: Tensor, right: Tensor) -> Tensor:
    shape = known_broadcast_shape(step)
    types = broadcast_type(left, shape), broadcast_type(right, shape)
    match types:
        case (Paired(Kind.ROTATES) as one, Paired(Kind.ROTATES) as other) if one == other:
            return Tensor(shape, Paired(Kind.PRODUCTS, one.pair, None))
        case (Component(Kind.ROTATES) as one, Component(Kind.ROTATES) as other) if one.sample == other.sample:
            return Tensor(shape, step.group.product(one, other, step.numbering))
    raise Refused(f"{step.op} of these two is neither equivariant nor invariant: {types[0]}; {types[1]}")


def power(step: Step) -> Tensor:
    """Pow: the square of both parts, on the way to a norm."""
    if all_invariant(step.tensors):
        return on_invariants(step)
    exponent = step.input(1).value
    if exponent is None or exponent.size != 1 or not np.all(exponent == 2):
        raise Refused("Pow of a real and an imaginary part is of use only with the exponent 2, for a norm")
    return _products(step, step.input(0), step.input(0))


def negate(step: Step) -> Tensor:
    """Neg: turns by half a circle."""
    tensor = step.input(0)
    if isinstance(tensor.type, Component) and tensor.type.kind is Kind.ROTATES:
        return Tensor(tensor.shape, step.group.negated(tensor.type, step.numbering))
    return linear(step, 0, tensor.shape, lambda factor: factor)


def identity(step: Step) -> Tensor:
    """Identity, and Dropout at inference."""
    if step.op == "Dropout" and not is_zero(step.optional(2)):
        raise Refused("Dropout in training mode draws a mask for each part by itself; export for inference")
    return step.input(0)


def cast(step: Step) -> Tensor:
    """Cast, CastLike: between floating-point types (equivariant up to the new type's rounding)."""
    tensor, target = step.input(0), step.attribute("to")
    if is_invariant(tensor):
        # Indices stay indices only in types that hold them all.
        same = target in (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
        kept = (
            tensor.type if same or not isinstance(tensor.type, Invariant) else Invariant(tensor.type.copies)
        )
        return Tensor(tensor.shape, kept)
    if step.op != "Cast" or target not in _FLOATS:
        raise Refused("Cast of a turning tensor to anything but floating point loses its phase")
    if isinstance(tensor.type, Shifted) and tensor.type.zero_point == 0:
        step = step.with_input(0, Tensor(tensor.shape, tensor.type.inside, tensor.number))
    return linear(step, 0, tensor.shape, lambda factor: factor)


def where(step: Step) -> Tensor:
    """Where: an invariant condition that is the same for both parts chooses between turning tensors."""
    if all_invariant(step.tensors):
        return on_invariants(step)
    condition, shape = step.input(0), known_broadcast_shape(step)
    if not is_invariant(condition):
        raise Refused("Where chooses by a condition that turns with the input")
    chosen = [tensor for tensor in step.tensors[1:] if not is_zero(tensor)]
    types = [_varying(step, broadcast_type(tensor, shape)) for tensor in chosen]
    if all(isinstance(type_, Component) for type_ in types):
        return Tensor(shape, combine(step, _where_entries(step, condition, shape), "where"))
    if not isinstance(types[0], Paired) or any(type_ != types[0] for type_ in types):
        raise Refused(f"Where chooses between tensors that do not turn alike: {'; '.join(map(str, types))}")
    require_equal_along(step, condition, types[0].pair, len(shape))
    return Tensor(shape, types[0])


def _varying(step: Step, type_: Type) -> Varying:
    if not isinstance(type_, Paired | Component):
        raise Refused(f"{step.op} joins a tensor that turns with the input and one that does not: {type_}")
    return type_


def _where_entries(step: Step, condition: Tensor, shape: Shape) -> list[Entry]:
    entries: list[Entry] = [condition.number]
    for tensor in step.tensors[1:]:
        type_ = broadcast_type(tensor, shape)
        entries.append(type_ if isinstance(type_, Component) else tensor.number)
    return entries


def same_shape(step: Step) -> Tensor:
    """Operators that mix elements but keep the shape: of invariants only."""
    if not all_invariant(step.tensors):
        raise Refused(f"there is no rule that lets {step.op} act on: {step.input(0).type}")
    return Tensor(step.input(0).shape, invariant_of(step.tensors))


_SAME_SHAPE = ("CumSum", "Hardmax", "InstanceNormalization", "LogSoftmax", "LRN", "Softmax")
# fmt: off
_ON_INVARIANTS = (
    "Abs", "Acos", "Acosh", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Equal",
    "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "IsInf",
    "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Not",
    "Or", "PRelu", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus",
    "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "Xor",
)
# fmt: on

RULES: dict[str, Rule] = {
    **dict.fromkeys(_ON_INVARIANTS, on_invariants),
    **dict.fromkeys(_SAME_SHAPE, same_shape),
    **dict.fromkeys(("Add", "Sub", "Sum"), add),
    **dict.fromkeys(("Identity", "Dropout"), identity),
    **dict.fromkeys(("Cast", "CastLike"), cast),
    "Mul": multiply,
    "Div": divide,
    "Pow": power,
    "Neg": negate,
    "Where": where,
}
