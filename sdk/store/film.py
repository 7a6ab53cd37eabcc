"""Films and the bursts that hide them: frame i of a film goes out among frame i of each of its bursts.

All frames of a film keep one secret order, and its decoys are frames of scenes, as its own are: so what two
frames have in common points at no row. Each function works inside one transaction.
"""

from __future__ import annotations

import sqlite3

from sdk.store import archive
from sdk.store.errors import DecoysExhausted


def start(connection: sqlite3.Connection, seed: bytes, count: int, frames: int) -> int:
    """Use up `count` bursts of at least so many frames for a new film; returns its number.

    Raises:
        DecoysExhausted: there are not so many left.
    """
    unused = "SELECT id FROM bursts WHERE film IS NULL AND frames >= ? ORDER BY turn LIMIT ?"
    rows = connection.execute(unused, (frames, count)).fetchall()
    if len(rows) < count:
        raise DecoysExhausted(
            f"The archive's bursts are used up: a film takes {count} of {frames} frames or more, and "
            f"{len(rows)} are left. Add folders of frames (phasekey decoys pack --bursts)."
        )
    number = connection.execute("INSERT INTO films (seed) VALUES (?)", (seed,)).lastrowid
    for place, (burst,) in enumerate(rows):
        connection.execute("UPDATE bursts SET film = ?, place = ? WHERE id = ?", (number, place, burst))
    return int(number or 0)


def take_frame(connection: sqlite3.Connection, code: bytes, number: int) -> None:
    """Hide the film's next frame by the next frame of each of its bursts.

    Raises:
        DecoysExhausted: a burst has no frame left.
    """
    (at,) = connection.execute("SELECT sent FROM films WHERE id = ?", (number,)).fetchone()
    bursts = connection.execute(
        "SELECT id, frames FROM bursts WHERE film = ? ORDER BY place", (number,)
    ).fetchall()
    shortest = min(frames for _, frames in bursts)
    if at >= shortest:
        raise DecoysExhausted(
            f"This film's bursts have {shortest} frames, and as many were sent. Start another session for "
            "what follows, or add longer bursts."
        )
    query = "SELECT id FROM decoys WHERE burst = ? AND frame = ?"
    ids = [connection.execute(query, (burst, at)).fetchone()[0] for burst, _ in bursts]
    archive.mark(connection, code, ids)
    connection.execute("UPDATE films SET sent = sent + 1 WHERE id = ?", (number,))
