"""Hiding and revealing: X = QM, and row 0 of Qᵀh (Xiang et al. 2020, equations 1 and 3, for k components).

M's rows are the feature a and the decoys. At k = 2 and for a rotation, X = e^{iθ}(a + ib) and what is
revealed is Re[h e^{-iθ}]. Pure numpy. Sums are taken in float64, in one order whatever the batch, and rounded
once to float32: hiding adds no more than rounding to a prediction, and one input sends one x to the last bit.

Two layouts (docs/manifest.md). Mixed components lie in blocks of the channel axis, (N, kC, …); permuted ones
are samples by themselves, (N·k, C, …), the k of image 0 first, in secret order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdk.errors import SdkError
from sdk.secrets.matrices import Matrices

Floats = npt.NDArray[np.float32]

_STRETCH = 16_384  # values taken at a time, 128 KiB as float64
_NARROWEST = 512  # values of one row, so that large batches are not cut to crumbs


def hide(rows: Floats, matrix: Matrices, *, permuted: bool = False) -> Floats:
    """Hide features among their decoys.

    Args:
        rows: M, (N, k, C, …), the feature first.
        matrix: Q, (N, k, k), orthogonal; a permutation matrix where `permuted`.
        permuted: send the rows in secret order, each as a sample, in place of mixing them.

    Returns:
        X float32: (N, kC, …), or (N·k, C, …) where `permuted`.

    Raises:
        SdkError: the shapes do not fit.
    """
    _require(rows.ndim > 2 and matrix.shape == (len(rows), rows.shape[1], rows.shape[1]), rows, matrix)
    if permuted:
        order = _along(matrix.argmax(axis=2), rows.ndim)
        return np.take_along_axis(rows, order, axis=1).reshape(-1, *rows.shape[2:])
    return _mixed(matrix, rows).reshape(len(rows), -1, *rows.shape[3:])


def reveal(h: Floats, matrix: Matrices, *, permuted: bool = False, row: int = 0) -> Floats:
    """Undo the hiding and drop what the other rows left: row 0 of Qᵀh, or another.

    Args:
        h: the processed X: (N, kD, …), or (N·k, D, …) where `permuted`.
        matrix: the Q that the input was hidden by, (N, k, k).
        permuted: as it was hidden.
        row: of M, whose answer is wanted; 0 is the feature's.

    Returns:
        (N, D, …) float32.

    Raises:
        SdkError: the shapes do not fit.
    """
    rows = unfolded(h, matrix, permuted=permuted)
    if permuted:
        place = _along(matrix[:, :, row].argmax(axis=1)[:, None], rows.ndim)
        return np.take_along_axis(rows, place, axis=1)[:, 0]
    return _mixed(matrix[:, None, :, row], rows)[:, 0]


def unfolded(h: Floats, matrix: Matrices, *, permuted: bool) -> Floats:
    """The k rows of each image, (N, k, D, …), of h in either layout.

    Raises:
        SdkError: the shapes do not fit.
    """
    count, components = len(matrix), matrix.shape[-1]
    _require(matrix.ndim == 3 and matrix.shape[1] == components and h.ndim > 1, h, matrix)
    whole = len(h) == count * components if permuted else len(h) == count and h.shape[1] % components == 0
    _require(whole, h, matrix)
    shape = h.shape[1:] if permuted else (h.shape[1] // components, *h.shape[2:])
    return h.reshape(count, components, *shape)


def _mixed(weights: Matrices, rows: Floats) -> Floats:
    """Row i of the result is the sum over j, in order, of weights[:, i, j] times row j.

    By stretches that stay in a core's cache: temporaries of a whole feature are larger than what an allocator
    keeps, and fetching them anew each time cost more than the sums.

    Args:
        weights: (N, r, k).
        rows: (N, k, …).

    Returns:
        (N, r, …).
    """
    count, components = rows.shape[:2]
    flat = rows.reshape(count, components, -1)
    mixed = np.empty((count, weights.shape[1], flat.shape[2]), np.float32)
    step = max(_NARROWEST, _STRETCH // (count * components))
    for start in range(0, flat.shape[2], step):
        part = flat[:, :, start : start + step].astype(np.float64)
        total = weights[:, :, :1] * part[:, :1]
        for j in range(1, components):
            total += weights[:, :, j : j + 1] * part[:, j : j + 1]
        mixed[:, :, start : start + step] = total
        part.fill(0)  # of the rows nothing is left in memory that is given back
    return mixed.reshape(*mixed.shape[:2], *rows.shape[2:])


def _along(values: npt.NDArray[Any], rank: int) -> npt.NDArray[Any]:
    """The same numbers with axes of size 1 behind, to multiply a tensor of that rank."""
    return values.reshape(*values.shape, *[1] * (rank - values.ndim))


def _require(fits: bool, tensor: Floats, matrix: Matrices) -> None:
    if not fits:
        raise SdkError(
            f"Expected a tensor of N samples of k components each and N matrices (k, k), got shapes "
            f"{tensor.shape} and {matrix.shape}."
        )
