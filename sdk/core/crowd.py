"""A crowd: k real inputs are the k rows of one M, each other's decoys, so that one transmission answers k.

It hides whose each image is, as long as whoever looks cannot tell by what they show. What they show is as
open as with any permutation. Each input is in one crowd, for good (sdk.store.crowds).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sdk.core.rows import Rows
from sdk.core.steps import Walk
from sdk.secrets import Secrets
from sdk.store import Seat

Floats = npt.NDArray[np.float32]
Send = Callable[[Floats, Secrets, Sequence[int]], Walk[Floats]]


def predict_seats(seats: Sequence[Seat], rows: Rows, send: Send, at_once: int) -> Walk[Floats]:
    """Send the crowds that these seats are in, each once.

    Args:
        seats: of the images, N.
        rows: knows what crowds send.
        send: x, Q and the rows wanted -> Φ of these rows, one row's samples after another's.
        at_once: crowds in one request.

    Returns:
        Φ of each image, (N, D, …).
    """
    k = rows.components
    answers: dict[tuple[bytes, int], Floats] = {}
    crowds = list({seat.crowd: seat for seat in seats}.values())
    for start in range(0, len(crowds), at_once):
        some = crowds[start : start + at_once]
        x, secrets = rows.of_crowds(some)
        try:
            h = yield from send(x, secrets, range(k))
        finally:
            secrets.wipe()
        by_row = h.reshape(k, len(some), *h.shape[1:])
        answers |= {(seat.crowd, row): by_row[row, at] for at, seat in enumerate(some) for row in range(k)}
    return np.stack([answers[seat.crowd, seat.row] for seat in seats])
