"""Convolution, pooling and batch normalisation: operators on (batch, channels, positions…)."""

from __future__ import annotations

from export.proof.rules.common import (
    Rule,
    all_invariant,
    equal_along,
    invariant_of,
    is_zero,
    linear,
    require_invariant,
)
from export.proof.rules.complex_weights import dense, through_weights
from export.proof.rules.window_shape import window_shape
from export.proof.sizes import ONE, Shape, product
from export.proof.step import Step, fixed
from export.proof.types import (
    Constant,
    Factor,
    Invariant,
    Paired,
    Refused,
    RowIndex,
    Tensor,
    move,
    outside,
)


def convolution(step: Step) -> Tensor:
    """Conv without bias: one weight for both parts, or weights that act as complex ones."""
    data, weight = step.shape(0), step.shape(1)
    shape = (data[0], weight[0], *window_shape(step, data[2:], tuple(map(fixed, weight[2:]))))
    require_invariant(step, 1, 2)
    refuse_bias(step, 2)
    mixed = outside(*range(1, len(data)))
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.pair.axis == 1:
        weights = dense(step.input(1).value, int(step.attribute("group", 1)))
        return Tensor(shape, through_weights(type_, weights, 1, mixed, step.group))
    return linear(step, 0, shape, mixed)


def refuse_bias(step: Step, position: int) -> None:
    """Raise Refused where a bias other than zero is added to a tensor that turns with the input."""
    if not all_invariant(step.tensors) and not is_zero(step.optional(position)):
        raise Refused(
            f"{step.op} adds a bias, which does not turn with the input; a processing module has none"
        )


def average_pool(step: Step) -> Tensor:
    """AveragePool: over positions, channel by channel, so pair and sample may lie in either axis before."""
    data = step.shape(0)
    kernel = tuple(step.attribute("kernel_shape"))
    shape = (*data[:2], *window_shape(step, data[2:], kernel))
    return linear(step, 0, shape, outside(*range(2, len(data))))


def global_average_pool(step: Step) -> Tensor:
    """GlobalAveragePool: likewise, over all positions."""
    data = step.shape(0)
    return linear(step, 0, _one_position(data), outside(*range(2, len(data))))


def _one_position(shape: Shape) -> Shape:
    return (*shape[:2], *(ONE for _ in shape[2:]))


def max_pool(step: Step) -> list[Tensor]:
    """MaxPool, GlobalMaxPool: of norms only. The indices point into their own row of the flat input."""
    data = step.shape(0)
    if not all_invariant(step.tensors):
        raise Refused(
            f"{step.op} compares real or imaginary parts; take the position of the largest norm instead "
            "and gather both parts there"
        )
    if step.op == "GlobalMaxPool":
        shape = _one_position(data)
    else:
        shape = (*data[:2], *window_shape(step, data[2:], tuple(step.attribute("kernel_shape"))))
    moved = move(step.input(0).type, outside(*range(2, len(data))))
    copies = moved.copies if isinstance(moved, Invariant) else None
    values = Tensor(shape, invariant_of(step.tensors, copies))
    return [values, Tensor(shape, _indices(step, data))]


def _indices(step: Step, data: Shape) -> Constant | Invariant:
    if isinstance(step.input(0).type, Constant):
        return Constant()
    by_rows = int(step.attribute("storage_order", 0)) == 0
    rows = RowIndex(Factor(0, ONE, data[0]), product(data[1:]))
    return Invariant(index=rows if by_rows else None)


def batch_norm(step: Step) -> Tensor:
    """BatchNormalization at inference, with zero mean and zero shift: a factor for each channel."""
    data = step.shape(0)
    if step.attribute("training_mode", 0):
        raise Refused("BatchNormalization in training mode; export for inference")
    if all_invariant(step.tensors):
        return Tensor(data, invariant_of(step.tensors))
    if not is_zero(step.input(2)) or not is_zero(step.input(3)):
        raise Refused(
            "BatchNormalization subtracts a mean or adds a shift, which do not turn with the input; "
            "divide by the root mean squared norm instead"
        )
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.pair.axis == 1:
        own = Factor(0, type_.pair.inner, type_.pair.size)
        if not all(equal_along(step.input(position), own, 1) for position in (1, 4)):
            raise Refused("BatchNormalization scales the real and the imaginary part differently")
    return linear(step, 0, data, lambda factor: factor)


RULES: dict[str, Rule] = {
    "Conv": convolution,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "MaxPool": max_pool,
    "GlobalMaxPool": max_pool,
    "BatchNormalization": batch_norm,
}
