"""Which encoder this device used last under each model's name: a memory, so that a change is noticed."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

from phasekey.bundle import Manifest

MEMORY_FILE = "encoders.db"
_ID = 13  # characters of a model's name: the dash and the bundle's id


class EncoderChangedWarning(UserWarning):
    """A model's encoder is another than this device used before."""


def note_encoder(folder: Path, manifest: Manifest) -> str | None:
    """Remember a bundle's encoder; returns what to say where it is another than before, or None.

    A memory that cannot be read or written is gone without: it would keep no image safe.
    """
    name = manifest.model_name[:-_ID]
    now = (manifest.encoder.sha256, manifest.key_context.decode())
    with contextlib.suppress(sqlite3.Error):
        with closing(sqlite3.connect(folder / MEMORY_FILE, timeout=5, isolation_level=None)) as memory:
            memory.execute("BEGIN IMMEDIATE")
            memory.execute("CREATE TABLE IF NOT EXISTS encoders (name PRIMARY KEY, encoder, lineage)")
            query = "SELECT encoder, lineage FROM encoders WHERE name = ?"
            former = memory.execute(query, (name,)).fetchone()
            memory.execute("INSERT OR REPLACE INTO encoders VALUES (?, ?, ?)", (name, *now))
            memory.execute("COMMIT")
        return None if former is None or former[0] == now[0] else _sentence(name, former[1] == now[1])
    return None


def _sentence(name: str, same_lineage: bool) -> str:
    keys = (
        "with the keys they had" if same_lineage else "under other keys, from which features can be computed"
    )
    return (
        f"the encoder of {name!r} is another one than this device used before: images that were sent before "
        f"go out as another x, {keys}. If you did not change it, somebody else did: trusted_key= refuses that"
    )
