"""Films and the bursts that hide them: frame i of a film goes out among frame i of each of its bursts.

All frames of a film keep one secret order, and its decoys are frames of scenes, as its own are: so what two
frames have in common points at no row. Each function works inside one transaction.
"""

from __future__ import annotations

import sqlite3

from sdk.store import archive
from sdk.store.errors import DecoysUsedUp


def start(connection: sqlite3.Connection, seed: bytes, count: int) -> int:
    """Use up `count` bursts for a new film; returns its number.

    Raises:
        DecoysUsedUp: there are not so many left.
    """
    unused = "SELECT id FROM bursts WHERE film IS NULL ORDER BY turn LIMIT ?"
    rows = connection.execute(unused, (count,)).fetchall()
    if len(rows) < count:
        raise DecoysUsedUp(
            f"The archive's bursts are used up: a film takes {count}, and {len(rows)} are left. Add folders "
            "of frames (phasekey decoys pack --bursts)."
        )
    number = connection.execute("INSERT INTO films (seed) VALUES (?)", (seed,)).lastrowid
    for place, (burst,) in enumerate(rows):
        connection.execute("UPDATE bursts SET film = ?, place = ? WHERE id = ?", (number, place, burst))
    return int(number or 0)


def take_frame(connection: sqlite3.Connection, code: bytes, number: int) -> None:
    """Hide the film's next frame by the next frame of each of its bursts.

    Raises:
        DecoysUsedUp: a burst has no frame left.
    """
    (at,) = connection.execute("SELECT sent FROM films WHERE id = ?", (number,)).fetchone()
    bursts = connection.execute(
        "SELECT id, frames FROM bursts WHERE film = ? ORDER BY place", (number,)
    ).fetchall()
    shortest = min(frames for _, frames in bursts)
    if at >= shortest:
        raise DecoysUsedUp(
            f"This film's bursts have {shortest} frames, and as many were sent. Start another session for "
            "what follows, or add longer bursts."
        )
    query = "SELECT id FROM decoys WHERE burst = ? AND frame = ?"
    ids = [connection.execute(query, (burst, at)).fetchone()[0] for burst, _ in bursts]
    archive.mark(connection, code, ids)
    connection.execute("UPDATE films SET sent = sent + 1 WHERE id = ?", (number,))
