"""Sums, means and norms over axes; a norm is where a rotating pair becomes invariant."""

from __future__ import annotations

from dataclasses import replace

from export.proof.rules.common import Rule, all_invariant, invariant_of, linear
from export.proof.sizes import ONE, Shape
from export.proof.step import Step, normal_axis
from export.proof.types import Factor, Invariant, Kind, Move, Paired, Refused, Tensor, move


def linear_reduction(step: Step) -> Tensor:
    """ReduceSum, ReduceMean: keep pair and sample where they reduce neither; sum products to a norm."""
    shape, axes, mapped = _layout(step)
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.kind is Kind.PRODUCTS and type_.pair.axis in axes:
        return Tensor(shape, Invariant())
    return linear(step, 0, shape, mapped)


def norm_reduction(step: Step) -> Tensor:
    """ReduceSumSquare, ReduceL2: a norm where they reduce over the pair."""
    shape, axes, _ = _layout(step)
    type_ = step.input(0).type
    if isinstance(type_, Paired) and type_.kind is Kind.ROTATES and type_.pair.axis in axes:
        return Tensor(shape, Invariant())
    return any_reduction(step)


def any_reduction(step: Step) -> Tensor:
    """Every other reduction: of invariants only."""
    shape, _, mapped = _layout(step)
    if not all_invariant(step.tensors):
        raise Refused(
            f"{step.op} reduces real and imaginary parts each by itself; "
            "sum the squares of both parts for a norm first"
        )
    moved = move(step.input(0).type, mapped)
    return Tensor(shape, invariant_of(step.tensors, moved.copies if isinstance(moved, Invariant) else None))


def _layout(step: Step) -> tuple[Shape, tuple[int, ...], Move]:
    old = step.shape(0)
    axes = _axes(step, len(old))
    keep = bool(step.attribute("keepdims", 1))
    new = [ONE if axis in axes else size for axis, size in enumerate(old) if keep or axis not in axes]

    def mapped(factor: Factor) -> Factor | None:
        if factor.axis in axes:
            return None
        dropped = 0 if keep else sum(axis < factor.axis for axis in axes)
        return replace(factor, axis=factor.axis - dropped)

    return tuple(new), axes, mapped


def _axes(step: Step, rank: int) -> tuple[int, ...]:
    if step.op in ("ArgMax", "ArgMin"):
        return (normal_axis(int(step.attribute("axis", 0)), rank),)
    axes = step.axes(rank, 1)
    if axes is None:
        return () if step.attribute("noop_with_empty_axes", 0) else tuple(range(rank))
    return axes


# fmt: off
_OTHERS = (
    "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceLogSum", "ReduceLogSumExp", "ArgMax", "ArgMin",
)
# fmt: on
RULES: dict[str, Rule] = {
    **dict.fromkeys(("ReduceSum", "ReduceMean"), linear_reduction),
    **dict.fromkeys(("ReduceSumSquare", "ReduceL2"), norm_reduction),
    **dict.fromkeys(_OTHERS, any_reduction),
}
