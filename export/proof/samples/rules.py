"""How each operator treats samples: where the factor that holds them goes, or why it is refused.

A tensor is constant, the same whatever the input, or it holds the samples: index n of one factor of one axis
is made of sample n of the input, in the same way for every n. Refused is what mixes samples (a mean over the
batch), cuts them apart (a slice of the batch), addresses them (a constant with an entry for each) or puts
them in another order. No rule, no proof.

The rules of equivariance give the shapes: for that every tensor counts as unchanged by turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from export.proof.rules import RULES
from export.proof.rules.common import is_zero
from export.proof.sizes import ONE, Shape
from export.proof.step import Step, normal_axis
from export.proof.types import Factor, Invariant, Move, Refused, Tensor, outside, relocate

QUANTISERS = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class Held:
    """A tensor of the graph. sample: where the samples lie; None for a constant."""

    tensor: Tensor
    sample: Factor | None

    def __str__(self) -> str:
        return f"samples ({self.sample})" if self.sample else "constant"


Rule = Callable[[Step, Sequence[Held | None], Shape], Factor]


def apply(step: Step, inputs: Sequence[Held | None]) -> list[Held]:
    """The outputs of one node: shapes by the rules of equivariance, samples by the rules here."""
    rule, shaping = _SAMPLES.get(step.op), RULES.get(step.op)
    if rule is None or shaping is None:
        raise Refused(f"there is no rule that tells how {step.op} treats samples")
    made = shaping(step)
    tensors = made if isinstance(made, list) else [made]
    if not any(held and held.sample for held in inputs):
        raise Refused(f"the value of {step.op}, which depends on the batch size alone, is not known")
    results = []
    for at, tensor in enumerate(tensors[: len(step.node.output)]):
        if tensor.shape is None:
            raise Refused("the shape of its result is not known, so samples cannot be followed")
        number = step.numbering.number("node", step.key, at, *(t.number for t in step.tensors))
        plain = Tensor(tensor.shape, Invariant(), number)
        results.append(Held(plain, rule(step, inputs, tensor.shape)))
    return results


def _moved(held: Held | None, mapped: Move, step: Step) -> Factor:
    sample = mapped(held.sample) if held and held.sample else None
    if sample is None:
        raise Refused(f"{step.op} mixes samples or cuts them apart: {held}")
    return sample


def _first_alone(step: Step, inputs: Sequence[Held | None]) -> Held | None:
    """Input 0, where only that one holds samples."""
    if any(held and held.sample for held in inputs[1:]):
        raise Refused(f"{step.op} takes samples at another input than its first")
    return inputs[0]


def _broadcast(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Elementwise: all that hold samples hold them in one place, and constants are the same for all."""
    found = {_where(held, shape, step) for held in inputs if held and held.sample}
    if len(found) != 1:
        raise Refused(f"{step.op} joins tensors whose samples lie in different places")
    (sample,) = found
    for held in inputs:
        if held and not held.sample and not _same_for_all(held.tensor, sample, len(shape)):
            raise Refused(f"{step.op} has a constant that may differ from sample to sample")
    return sample


def _where(held: Held, shape: Shape, step: Step) -> Factor:
    own = held.tensor.shape
    if own is None or held.sample is None:
        raise Refused("a shape is not known, so samples cannot be followed")
    sample = replace(held.sample, axis=held.sample.axis + len(shape) - len(own))
    if shape[sample.axis] != own[held.sample.axis]:
        raise Refused(f"{step.op} repeats samples")
    return sample


def _same_for_all(tensor: Tensor, sample: Factor, rank: int) -> bool:
    if tensor.shape is None:
        return False
    axis = sample.axis - (rank - len(tensor.shape))
    return axis < 0 or tensor.shape[axis] == ONE


def _reordered(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order."""
    held = _first_alone(step, inputs)
    return _moved(held, relocate(step.shape(0), shape), step)


def _transposed(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    order = [int(axis) for axis in step.attribute("perm", list(reversed(range(len(shape)))))]
    return _moved(inputs[0], lambda factor: replace(factor, axis=order.index(factor.axis)), step)


def _windows(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Conv and the pools mix channels and positions, and take each index of axis 0 by itself."""
    held = _first_alone(step, inputs)
    if step.op == "BatchNormalization" and step.attribute("training_mode", 0):
        raise Refused("BatchNormalization in training mode takes means over the batch")
    return _moved(held, outside(*range(1, len(shape))), step)


def _values_only(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    if len(step.node.output) > 1 and step.node.output[1]:
        raise Refused(f"{step.op} gives positions, which count through the whole batch")
    return _windows(step, inputs, shape)


def _matrix(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """MatMul and Gemm with one matrix for all samples; a bias too. MatMul of two that each sample has."""
    if step.op == "MatMul" and all(held and held.sample for held in inputs):
        return _matrix_of_each(step, inputs)
    held = _first_alone(step, inputs)
    turned = step.op == "Gemm" and bool(step.attribute("transA", 0))
    rank = len(step.shape(0))
    if rank < 2 or turned or len(step.shape(1)) != 2:
        raise Refused(f"{step.op} is followed with one matrix on the right of whole rows alone")
    bias = step.optional(2)
    sample = _moved(held, outside(rank - 1), step)
    if bias is not None and not is_zero(bias) and not _same_for_all(bias, sample, len(shape)):
        raise Refused(f"{step.op} has a bias that may differ from sample to sample")
    return sample


def _matrix_of_each(step: Step, inputs: Sequence[Held | None]) -> Factor:
    """Both hold samples in one place before the matrices, and nothing is repeated."""
    found = {held.sample for held in inputs if held}
    left, right = step.shape(0), step.shape(1)
    if len(found) != 1 or len(left) != len(right) or left[:-2] != right[:-2]:
        raise Refused("MatMul multiplies matrices of different samples")
    return _moved(inputs[0], outside(len(left) - 2, len(left) - 1), step)


def _reduced(step: Step, inputs: Sequence[Held | None], _: Shape) -> Factor:
    held, rank = _first_alone(step, inputs), len(step.shape(0))
    axes = step.axes(rank, 1)
    if axes is None:
        raise Refused(f"{step.op} reduces all axes, the batch too")
    keep = bool(step.attribute("keepdims", 1))

    def mapped(factor: Factor) -> Factor | None:
        if factor.axis in axes:
            return None
        return replace(factor, axis=factor.axis - (0 if keep else sum(axis < factor.axis for axis in axes)))

    return _moved(held, mapped, step)


def _along_axis(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Softmax and the like: mix along one axis and keep the shape."""
    held = _first_alone(step, inputs)
    axis = normal_axis(int(step.attribute("axis", -1)), len(shape))
    return _moved(held, outside(axis), step)


def _joined(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Concat of tensors that hold samples in one place, along another axis."""
    found = {held.sample if held else None for held in inputs}
    if len(found) != 1:
        raise Refused("Concat joins samples and constants, or samples that lie in different places")
    return _moved(inputs[0], outside(step.axis(len(shape))), step)


def _cut(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """Split and Slice: along axes that do not hold the samples."""
    old, held = step.shape(0), _first_alone(step, inputs)
    axes = [axis for axis, size in enumerate(old) if shape[axis] != size]
    if step.op == "Split":
        axes = [step.axis(len(old), 0)]
    else:  # a slice that keeps a size may still turn the order about
        axes += list(step.axes(len(old), 3) or range(len(step.sizes(1))))
    return _moved(held, outside(*axes), step)


# fmt: off
_ELEMENTWISE = (
    "Abs", "Add", "Cast", "Ceil", "Celu", "Clip", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow",
    "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Sub", "Sum",
    "Tanh", "ThresholdedRelu", "Where", "Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual", "Not",
)
_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
)
# fmt: on


def _quantised(step: Step, inputs: Sequence[Held | None], shape: Shape) -> Factor:
    """One scale for all, or one for each channel: never one for each sample."""
    held = _first_alone(step, inputs)
    if step.attribute("block_size", 0) or len(step.shape(1)) > 1:
        raise Refused(f"{step.op} in blocks is not followed")
    several = len(step.shape(1)) == 1 and step.shape(1)[0] != ONE
    axis = normal_axis(int(step.attribute("axis", 1)), len(shape))
    return _moved(held, outside(*([axis] if several else [])), step)


_SAMPLES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _broadcast),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reordered),
    **dict.fromkeys(("Conv", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"), _windows),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _along_axis),
    **dict.fromkeys(("MatMul", "Gemm"), _matrix),
    **dict.fromkeys(("Split", "Slice"), _cut),
    **dict.fromkeys(QUANTISERS, _quantised),
    "BatchNormalization": _windows,
    "MaxPool": _values_only,
    "Transpose": _transposed,
    "Concat": _joined,
}
