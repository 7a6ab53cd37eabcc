"""A crowd: k real inputs are the k rows of one M, each other's decoys, so that one transmission answers k.

It hides whose each image is, as long as whoever looks cannot tell by what they show. What they show is as
open as with any permutation. An image that is sent again in other company shows up in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sdk.rows import Rows
from sdk.secrets import Secrets

Array = np.ndarray[Any, np.dtype[Any]]
Floats = npt.NDArray[np.float32]
Process = Callable[[Floats, Secrets, Sequence[int]], Floats]


def predict_crowd(images: Array, rows: Rows, process: Process, groups_at_once: int) -> Floats:
    """Send images in groups of k.

    Args:
        images: (N, H, W, C).
        rows: makes M of groups.
        process: M, Q and the rows wanted -> Φ of these rows, one row's samples after another's.
        groups_at_once: in one request.

    Returns:
        Φ of each image, (N, D, …).
    """
    k = rows.components
    own, which = _different(images)
    starts = range(0, len(own), k)
    reserved = [rows.group(own[start : start + k]) for start in starts]  # all before any x leaves
    answers: list[Floats | None] = [None] * len(own)
    for first in range(0, len(reserved), groups_at_once):
        some = reserved[first : first + groups_at_once]
        members = [
            own[(first + at) * k : (first + at + 1) * k][order] for at, (_, order, _) in enumerate(some)
        ]
        matrix_rows, secrets = rows.of_groups(members, [code for code, _, _ in some], [t for _, _, t in some])
        h = process(matrix_rows, secrets, range(k))
        by_row = h.reshape(k, len(some), *h.shape[1:])
        for at, (_, order, _) in enumerate(some):
            for row, member in enumerate(order):
                answers[(first + at) * k + member] = by_row[row, at]
    return np.stack([answer for answer in answers if answer is not None])[which]


def _different(images: Array) -> tuple[Array, list[int]]:
    """The images that differ, in order, and for each image which of these it is."""
    found: dict[bytes, int] = {}
    which = [found.setdefault(image.tobytes(), len(found)) for image in images]
    first = [which.index(number) for number in range(len(found))]
    return images[first], which
