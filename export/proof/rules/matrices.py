"""MatMul and Gemm without bias."""

from __future__ import annotations

from dataclasses import replace

from export.proof.rules.common import Rule, all_invariant, invariant_of, is_invariant, linear
from export.proof.rules.complex_weights import through_weights
from export.proof.rules.windows import refuse_bias
from export.proof.sizes import ONE, Shape, broadcast
from export.proof.step import Step
from export.proof.types import Factor, Move, Paired, Refused, Tensor, outside


def matmul(step: Step) -> Tensor:
    """MatMul of a tensor that turns with one matrix that does not, from either side."""
    left, right = step.shape(0), step.shape(1)
    if min(len(left), len(right)) < 2:
        raise Refused("MatMul with a vector is not followed; use matrices")
    if all_invariant(step.tensors):
        lead = broadcast([left[:-2], right[:-2]]) if left[:-2] and right[:-2] else left[:-2] or right[:-2]
        shape = None if lead is None else (*lead, left[-2], right[-1])
        return Tensor(shape, invariant_of(step.tensors))
    return _by_matrix(step, left, right) if is_invariant(step.input(1)) else _from_left(step, left, right)


def _by_matrix(step: Step, left: Shape, right: Shape) -> Tensor:
    _require_one_matrix(left, right)
    summed, shape = len(left) - 1, (*left[:-1], right[-1])
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.pair.axis == summed:
        matrix = step.value(1).reshape(step.value(1).shape[-2:]).T
        return Tensor(shape, through_weights(type_, matrix, summed, outside(summed), step.group))
    return linear(step, 0, shape, outside(summed))


def _from_left(step: Step, left: Shape, right: Shape) -> Tensor:
    if not is_invariant(step.input(0)):
        raise Refused("MatMul of two tensors that both turn with the input does not turn with it")
    _require_one_matrix(right, left)
    return linear(step, 1, (*right[:-2], left[-2], right[-1]), outside(len(right) - 2))


def _require_one_matrix(data: Shape, matrix: Shape) -> None:
    if len(matrix) > len(data) or any(size != ONE for size in matrix[:-2]):
        raise Refused("MatMul with a matrix for each entry of the batch is not followed; use one for all")


def gemm(step: Step) -> Tensor:
    """Gemm of a tensor that turns with a matrix that does not; without its bias."""
    left, right = step.shape(0), step.shape(1)
    turned, transposed = bool(step.attribute("transA", 0)), bool(step.attribute("transB", 0))
    shape = (left[1] if turned else left[0], right[0] if transposed else right[1])
    if all_invariant(step.tensors):
        return Tensor(shape, invariant_of(step.tensors))
    if not is_invariant(step.input(1)):
        raise Refused("Gemm has the turning tensor on its right, or on both sides; put it on the left")
    refuse_bias(step, 2)
    summed = 0 if turned else 1
    mapped = _rows_first(summed)
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.pair.axis == summed:
        matrix = step.value(1) if transposed else step.value(1).T
        return Tensor(shape, through_weights(type_, matrix, 1, mapped, step.group))
    return linear(step, 0, shape, mapped)


def _rows_first(summed: int) -> Move:
    def mapped(factor: Factor) -> Factor | None:
        return None if factor.axis == summed else replace(factor, axis=0)

    return mapped


RULES: dict[str, Rule] = {"MatMul": matmul, "Gemm": gemm}
