"""Weights that mix the two parts, as complex weights written out in real numbers do.

A real matrix M commutes with every rotation exactly when, split into the parts of its input and of its
output, it is [[A, -B], [B, A]]. Separate, equal weights for both parts (two groups, a block-diagonal
matrix) are the case B = 0. The check compares the stored numbers exactly.
"""

from __future__ import annotations

import numpy as np

from export.proof.rules.common import split_factor
from export.proof.sizes import size_of
from export.proof.types import Array, Factor, Kind, Move, Paired, Refused, move_sample

_LARGEST = 1 << 26  # elements of a grouped convolution written out


def output_inner(matrix: Array, inner: int) -> int | None:
    """Where the pair lies in the output of M (outputs, inputs, …): the size inside it, or None.

    inner: the size inside the pair on the input axis.
    """
    outputs, inputs = matrix.shape[:2]
    blocked = outputs // 2
    candidates = (blocked, inner, 1) if inner == inputs // 2 else (inner, 1, blocked)
    return next((size for size in dict.fromkeys(candidates) if _commutes(matrix, inner, size)), None)


def _commutes(matrix: Array, inner: int, output: int) -> bool:
    two = size_of(2)
    by_input = split_factor(matrix, Factor(1, size_of(inner), two))
    if by_input is None or output == 0 or matrix.shape[0] % (2 * output):
        return False
    blocks = [split_factor(part, Factor(0, size_of(output), two)) for part in by_input]
    real, imaginary = blocks
    if real is None or imaginary is None:
        return False
    return np.array_equal(real[0], imaginary[1]) and np.array_equal(real[1], -imaginary[0])


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


def through_weights(type_: Paired, matrix: Array | None, axis: int, mapped: Move) -> Paired:
    """The type after a matrix (outputs, inputs, …) that sums over the axis of the pair.

    axis: where the outputs lie. `mapped` says where the sample goes.
    """
    inner = type_.pair.inner.fixed
    usable = matrix is not None and inner is not None and type_.kind is Kind.ROTATES
    output = output_inner(matrix, inner) if usable and matrix is not None and inner is not None else None
    if output is None:
        raise Refused(
            f"it sums over the axis that holds real and imaginary parts ({type_.pair}), and its weights are "
            "not known to act as one complex matrix [[A, -B], [B, A]] on them; "
            "different weights for the two parts turn a circle into an ellipse"
        )
    return Paired(type_.kind, Factor(axis, size_of(output), size_of(2)), move_sample(type_.sample, mapped))
