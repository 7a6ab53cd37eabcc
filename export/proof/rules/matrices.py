"""MatMul and Gemm without bias.

Beside products with weights there are those of two tensors that hold a matrix for each sample. With A and B
turned by the same Q_n, (QA)ᵀ(QB) = AᵀB is invariant, and (QA)C = Q(AC) turns where C is invariant. Frames and
their polar factors, polynomials in these, need no more.
"""

from __future__ import annotations

from dataclasses import replace

from export.proof.rules.common import Rule, all_invariant, invariant_of, is_invariant, linear
from export.proof.rules.complex_weights import through_weights
from export.proof.rules.windows import refuse_bias
from export.proof.sizes import ONE, Shape, broadcast
from export.proof.step import Step
from export.proof.types import Factor, Invariant, Kind, Move, Paired, Refused, Tensor, outside


def matmul(step: Step) -> Tensor:
    """MatMul of a tensor that turns with one that does not, or of two that turn alike, over their parts."""
    left, right = step.shape(0), step.shape(1)
    if min(len(left), len(right)) < 2:
        raise Refused("MatMul with a vector is not followed; use matrices")
    if all_invariant(step.tensors):
        lead = broadcast([left[:-2], right[:-2]]) if left[:-2] and right[:-2] else left[:-2] or right[:-2]
        shape = None if lead is None else (*lead, left[-2], right[-1])
        return Tensor(shape, invariant_of(step.tensors))
    if isinstance(step.input(0).type, Paired) and isinstance(step.input(1).type, Paired):
        return _inner_products(step, left, right)
    return _by_matrix(step, left, right) if is_invariant(step.input(1)) else _from_left(step, left, right)


def _inner_products(step: Step, left: Shape, right: Shape) -> Tensor:
    """AᵀB, summed over the axis that holds the parts of both, each sample with itself."""
    one, other = step.input(0).type, step.input(1).type
    rank, lead = len(left), left[:-2]
    if not isinstance(one, Paired) or not isinstance(other, Paired):
        raise Refused("MatMul of parts apart is not followed")
    alike = (
        one.kind is other.kind is Kind.ROTATES
        and len(right) == rank
        and lead == right[:-2]
        and one.sample == other.sample
        and (one.sample is None or one.sample.axis < rank - 2)
    )
    summed = one.pair.axis == rank - 1 and other.pair == replace(one.pair, axis=rank - 2)
    if not alike or not summed or left[-1] != right[-2]:
        raise Refused(
            "MatMul of two tensors that turn with the input is invariant only where it sums over the parts "
            f"of both, of one sample; here: {one} and {other}"
        )
    return Tensor((*lead, left[-2], right[-1]), Invariant())


def _by_matrix(step: Step, left: Shape, right: Shape) -> Tensor:
    summed, shape = len(left) - 1, (*left[:-1], right[-1])
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.pair.axis == summed - 1 and _one_for_each(left, right):
        return linear(step, 0, shape, outside(summed))
    _require_one_matrix(left, right)
    if isinstance(type_, Paired) and type_.pair.axis == summed:
        matrix = step.value(1).reshape(step.value(1).shape[-2:]).T
        return Tensor(shape, through_weights(type_, matrix, summed, outside(summed), step.group))
    return linear(step, 0, shape, outside(summed))


def _from_left(step: Step, left: Shape, right: Shape) -> Tensor:
    if not is_invariant(step.input(0)):
        raise Refused("MatMul of two tensors that both turn with the input does not turn with it")
    _require_one_matrix(right, left)
    return linear(step, 1, (*right[:-2], left[-2], right[-1]), outside(len(right) - 2))


def _one_for_each(data: Shape, matrices: Shape) -> bool:
    """Whether there is a matrix for each entry of the batch, so that no entry meets another's."""
    return len(matrices) == len(data) > 2 and matrices[:-2] == data[:-2]


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
