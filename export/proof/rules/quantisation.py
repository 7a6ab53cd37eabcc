"""QuantizeLinear and DequantizeLinear, symmetric: equivariant up to the rounding and the range of int8."""

from __future__ import annotations

import numpy as np

from export.proof.rules.common import Rule, all_invariant, equal_along, invariant_of, linear
from export.proof.sizes import size_of
from export.proof.step import Step, normal_axis
from export.proof.types import Component, Factor, Paired, Refused, Shifted, Tensor

OPERATORS = ("QuantizeLinear", "DequantizeLinear")


def quantize(step: Step) -> Tensor:
    """QuantizeLinear around zero, or around the middle of an unsigned type."""
    shape = step.shape(0)
    if all_invariant(step.tensors):
        return Tensor(shape, invariant_of(step.tensors))
    middle = _middle(step)
    result = _scaled(step)
    if not isinstance(result.type, Paired | Component):
        raise Refused(f"QuantizeLinear has no rule for: {result.type}")
    return Tensor(shape, Shifted(result.type, middle))


def dequantize(step: Step) -> Tensor:
    """DequantizeLinear around the zero point that the values have."""
    data = step.input(0)
    if all_invariant(step.tensors):
        return Tensor(data.shape, invariant_of(step.tensors))
    zero_point = 0 if step.optional(2) is None else _zero_point(step)
    if not isinstance(data.type, Shifted):
        raise Refused(f"DequantizeLinear takes quantised values, not: {data.type}")
    if zero_point != data.type.zero_point:
        around = data.type.zero_point
        raise Refused(f"DequantizeLinear has zero point {zero_point}, but the values lie around {around}")
    return _scaled(step.with_input(0, Tensor(data.shape, data.type.inside, data.number)))


def _scaled(step: Step) -> Tensor:
    """Divided or multiplied by a scale that is the same for both parts."""
    shape, scale = step.shape(0), step.shape(1)
    if step.attribute("block_size", 0) or len(scale) > 1:
        raise Refused(f"{step.op} in blocks is not followed; use one scale, or one for each channel")
    type_ = step.input(0).type
    if isinstance(type_, Paired) and len(scale) == 1 and scale != (size_of(1),):
        axis = normal_axis(int(step.attribute("axis", 1)), len(shape))
        own = Factor(0, type_.pair.inner, type_.pair.size)
        if type_.pair.axis == axis and not equal_along(step.input(1), own, 1):
            raise Refused(f"{step.op} has different scales for the real and the imaginary part")
    return linear(step, 0, shape, lambda factor: factor)


def _zero_point(step: Step) -> int:
    value = step.value(2)
    if np.any(value != value.flat[0]):
        raise Refused(f"{step.op} has different zero points along its axis")
    return int(value.flat[0])


def _middle(step: Step) -> int:
    """The zero point, if values of both signs have the same room around it."""
    if step.optional(2) is None:
        raise Refused("QuantizeLinear without zero point is unsigned and cuts off negative values")
    kind, zero_point = step.value(2).dtype, _zero_point(step)
    if kind.kind not in "iu":
        raise Refused("QuantizeLinear to anything but whole numbers is not followed")
    expected = 0 if kind.kind == "i" else (int(np.iinfo(kind).max) + 1) // 2
    if zero_point != expected:
        raise Refused(f"QuantizeLinear has zero point {zero_point}; only {expected} treats both signs alike")
    return expected


RULES: dict[str, Rule] = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
