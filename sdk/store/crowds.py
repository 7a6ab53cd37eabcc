"""Crowds: k new inputs in one transmission, each in one crowd for good. Works inside one transaction.

An input that went out in two crowds, or alone and in a crowd, would show up in both, and where the rows are
mixed it could be computed: the spans of the two transmissions meet in it. So its first crowd is what it sends
again. The other rows of that are inputs too, which are not kept; the x is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from sdk.store import archive, ledger
from sdk.store.archive import Pixels

Name = Callable[[Sequence[bytes]], bytes]
Compose = Callable[[bytes, Sequence[bytes], Pixels | None], bytes]


def assign(
    connection: sqlite3.Connection, codes: Sequence[bytes], size: int, name: Name, compose: Compose
) -> None:
    """Seat inputs that were never sent, `size` in a crowd; unused decoys fill up the last one.

    Args:
        connection: in a transaction.
        codes: of the inputs.
        size: k.
        name: the codes of a crowd's inputs -> the crowd's code.
        compose: the crowd's code, its inputs' codes, and the images of its decoys (F, H, W, C) or None
            where it has none -> float32 bytes of its x.

    Raises:
        DecoysExhausted: too few are left to fill up the last crowd.
    """
    new = [code for code in dict.fromkeys(codes) if not ledger.is_known(connection, code)]
    for start in range(0, len(new), size):
        members = new[start : start + size]
        crowd = name(members)
        taken = archive.take(connection, crowd, size - len(members)) if len(members) < size else None
        fill = None if taken is None else archive.pixels_of(connection, taken.ids)
        connection.execute("INSERT INTO crowds VALUES (?, ?)", (crowd, compose(crowd, members, fill)))
        for row, code in enumerate(members):
            ledger.spend(connection, code, 0.0, None)
            place = "UPDATE transmissions SET crowd = ?, place = ? WHERE code = ?"
            connection.execute(place, (crowd, row, code))
