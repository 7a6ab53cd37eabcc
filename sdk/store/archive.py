"""Decoys: private images that hide one transmission each. Each function works inside one transaction."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sdk.store.errors import DecoysExhausted, StoreError

Pixels = npt.NDArray[np.uint8]
Shape = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True)
class Seat:
    """An input's row in a crowd.

    Attributes:
        crowd: the crowd's code; its Q follows from it.
        row: which row of M the input is.
        x: what the crowd sent, float32 bytes.
    """

    crowd: bytes = field(repr=False)
    row: int
    x: bytes = field(repr=False)


@dataclass(frozen=True)
class Taken:
    """What hides one input, each time it is sent.

    Attributes:
        ids: its decoys, in their places.
        seed: of a film's secret order, None outside of films.
        seat: where it was sent in a crowd, which then has its decoys; None elsewhere.
    """

    ids: tuple[int, ...]
    seed: bytes | None = field(default=None, repr=False)
    seat: Seat | None = None


def image_shape(connection: sqlite3.Connection) -> Shape | None:
    """Height, width and channels of the images in the archive; None while it is empty."""
    row = connection.execute("SELECT height, width, channels FROM image").fetchone()
    return None if row is None else (int(row[0]), int(row[1]), int(row[2]))


def add(connection: sqlite3.Connection, images: Iterable[Pixels]) -> int:
    """Put images, (H, W, C) uint8 each, into the archive; returns how many were new.

    An image that is there already is left out: used twice, it would tell the two inputs' decoys from them.

    Raises:
        StoreError: an image of another size than those before.
    """
    return sum(_add_one(connection, pixels) for pixels in images)


def add_burst(connection: sqlite3.Connection, frames: list[Pixels]) -> int:
    """Put the frames of one scene, in order, into the archive; returns how many, 0 if one was known.

    Raises:
        StoreError: a frame of another size than those before.
    """
    known = "SELECT 1 FROM decoys WHERE fingerprint = ?"
    if any(connection.execute(known, (_fingerprint(frame),)).fetchone() for frame in frames):
        return 0
    cursor = connection.execute(
        "INSERT INTO bursts (turn, frames) VALUES (?, ?)", (secrets.randbits(62), len(frames))
    )
    return sum(_add_one(connection, pixels, cursor.lastrowid, at) for at, pixels in enumerate(frames))


def _add_one(
    connection: sqlite3.Connection, pixels: Pixels, burst: int | None = None, frame: int | None = None
) -> int:
    _require_shape(connection, pixels)
    done = connection.execute(
        "INSERT OR IGNORE INTO decoys (fingerprint, turn, pixels, burst, frame) VALUES (?, ?, ?, ?, ?)",
        (_fingerprint(pixels), secrets.randbits(62), pixels.tobytes(), burst, frame),
    )
    return done.rowcount


def _fingerprint(pixels: Pixels) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).digest()


def _require_shape(connection: sqlite3.Connection, pixels: Pixels) -> None:
    wanted = image_shape(connection)
    if wanted is None:
        connection.execute("INSERT INTO image VALUES (1, ?, ?, ?)", pixels.shape)
    elif wanted != pixels.shape or pixels.dtype != np.uint8:
        raise StoreError(
            f"The archive holds images of {wanted[0]} × {wanted[1]} × {wanted[2]} (height, width, channels); "
            f"this one is of {' × '.join(map(str, pixels.shape))}. Scale it first."
        )


def left(connection: sqlite3.Connection) -> int:
    """Single decoys that are unused."""
    query = "SELECT count(*) FROM decoys WHERE taken_by IS NULL AND burst IS NULL"
    return int(connection.execute(query).fetchone()[0])


def bursts_left(connection: sqlite3.Connection) -> int:
    """Bursts that are unused."""
    return int(connection.execute("SELECT count(*) FROM bursts WHERE film IS NULL").fetchone()[0])


def of_input(connection: sqlite3.Connection, code: bytes) -> Taken:
    """The decoys that an input took, with the seed of its film's order; or its seat in a crowd."""
    rows = connection.execute("SELECT id FROM decoys WHERE taken_by = ? ORDER BY place", (code,)).fetchall()
    of_film = "SELECT films.seed FROM transmissions JOIN films ON films.id = film WHERE code = ?"
    seed = connection.execute(of_film, (code,)).fetchone()
    in_crowd = (
        "SELECT crowds.code, place, x FROM transmissions JOIN crowds ON crowds.code = crowd "
        "WHERE transmissions.code = ?"
    )
    seat = connection.execute(in_crowd, (code,)).fetchone()
    return Taken(
        tuple(row[0] for row in rows),
        None if seed is None else seed[0],
        None if seat is None else Seat(*seat),
    )


def take(connection: sqlite3.Connection, code: bytes, count: int) -> Taken:
    """Use up `count` single decoys for an input.

    Raises:
        DecoysExhausted: there are not so many left.
    """
    rows = next_unused(connection, count)
    if len(rows) < count:
        total = int(connection.execute("SELECT count(*) FROM decoys WHERE burst IS NULL").fetchone()[0])
        raise DecoysExhausted(
            f"The archive's decoys are used up: {total} images give {total // count} predictions of new "
            f"inputs at {count} decoys each, and {len(rows)} are left. Add images that nobody else has "
            "(phasekey decoys pack). Inputs that were sent before can still be sent."
        )
    mark(connection, code, rows)
    return Taken(tuple(rows))


def next_unused(connection: sqlite3.Connection, count: int) -> list[int]:
    """The single decoys whose turn it is, at most `count`."""
    query = "SELECT id FROM decoys WHERE taken_by IS NULL AND burst IS NULL ORDER BY turn LIMIT ?"
    return [int(row[0]) for row in connection.execute(query, (count,))]


def mark(connection: sqlite3.Connection, code: bytes, ids: Iterable[int]) -> None:
    """Note which decoys an input took, in their places."""
    for place, decoy in enumerate(ids):
        connection.execute("UPDATE decoys SET taken_by = ?, place = ? WHERE id = ?", (code, place, decoy))


def pixels_of(connection: sqlite3.Connection, ids: Iterable[int]) -> Pixels:
    """The images of these decoys, (N, H, W, C) uint8."""
    shape = image_shape(connection)
    query = "SELECT pixels FROM decoys WHERE id = ?"
    found = [connection.execute(query, (decoy,)).fetchone() for decoy in ids]
    if shape is None or any(row is None for row in found):
        raise StoreError("The store lacks a decoy that it says it has: it is damaged.")
    return np.stack([np.frombuffer(row[0], np.uint8).reshape(shape) for row in found])


def features_of(connection: sqlite3.Connection, ids: Iterable[int], encoder: bytes) -> dict[int, Any]:
    """Features that were encoded ahead by this encoder, as bytes of float32, by decoy."""
    query = "SELECT feature FROM features WHERE decoy = ? AND encoder = ?"
    rows = {decoy: connection.execute(query, (decoy, encoder)).fetchone() for decoy in ids}
    return {decoy: row[0] for decoy, row in rows.items() if row is not None}
