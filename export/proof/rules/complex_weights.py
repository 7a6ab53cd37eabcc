"""Weights over the axis that holds the parts, as grouped weights and complex ones written out are.

A real matrix M commutes with every rotation exactly when, split into the parts of its input and of its
output, it is [[A, -B], [B, A]]. With every orthogonal matrix on k components it does exactly when it is
block-diagonal with k equal blocks A (Schur): at k = 2 that is the case B = 0. The check compares the stored
numbers exactly.
"""

from __future__ import annotations

import numpy as np

from export.proof.group import Group
from export.proof.rules.common import split_factor
from export.proof.sizes import size_of
from export.proof.types import Array, Factor, Kind, Move, Paired, Refused, move_sample

_LARGEST = 1 << 26  # elements of a grouped convolution written out


def output_inner(matrix: Array, inner: int, group: Group) -> int | None:
    """Where the pair lies in the output of M (outputs, inputs, …): the size inside it, or None.

    inner: the size inside the pair on the input axis.
    """
    outputs, inputs = matrix.shape[:2]
    blocked = outputs // group.size
    candidates = (blocked, inner, 1) if inner == inputs // group.size else (inner, 1, blocked)
    return next((size for size in dict.fromkeys(candidates) if _commutes(matrix, inner, size, group)), None)


def _commutes(matrix: Array, inner: int, output: int, group: Group) -> bool:
    size = size_of(group.size)
    by_input = split_factor(matrix, Factor(1, size_of(inner), size))
    if by_input is None or output == 0 or matrix.shape[0] % (group.size * output):
        return False
    split = [split_factor(part, Factor(0, size_of(output), size)) for part in by_input]
    blocks = [part for part in split if part is not None]  # blocks[j][i] takes part j to part i
    if len(blocks) < group.size:
        return False
    if group.reflections:
        return _equal_blocks(blocks)
    real, imaginary = blocks
    return np.array_equal(real[0], imaginary[1]) and np.array_equal(real[1], -imaginary[0])


def _equal_blocks(blocks: list[Array]) -> bool:
    return all(
        np.array_equal(block, blocks[0][0]) if i == j else not block.any()
        for j, column in enumerate(blocks)
        for i, block in enumerate(column)
    )


def dense(weight: Array | None, groups: int) -> Array | None:
    """A grouped convolution's weight (O, I / groups, …) written out as (O, I, …)."""
    if weight is None or groups == 1:
        return weight
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    if weight.size * groups > _LARGEST:
        return None
    full = np.zeros((weight.shape[0], inputs * groups, *weight.shape[2:]), dtype=weight.dtype)
    for group in range(groups):
        rows, columns = group * outputs, group * inputs
        full[rows : rows + outputs, columns : columns + inputs] = weight[rows : rows + outputs]
    return full


def through_weights(type_: Paired, matrix: Array | None, axis: int, mapped: Move, group: Group) -> Paired:
    """The type after a matrix (outputs, inputs, …) that sums over the axis of the pair.

    axis: where the outputs lie. `mapped` says where the sample goes.
    """
    inner = type_.pair.inner.fixed
    usable = matrix is not None and inner is not None and type_.kind is Kind.ROTATES
    output = (
        output_inner(matrix, inner, group) if usable and matrix is not None and inner is not None else None
    )
    if output is None:
        raise Refused(
            f"it sums over the axis that holds {group.parts} ({type_.pair}), and its weights are not known "
            f"to act as {'equal blocks' if group.reflections else 'one complex matrix [[A, -B], [B, A]]'} on "
            "them; different weights for the parts turn a circle into an ellipse"
        )
    return Paired(
        type_.kind, Factor(axis, size_of(output), size_of(group.size)), move_sample(type_.sample, mapped)
    )
