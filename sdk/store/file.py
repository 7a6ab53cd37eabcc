"""The store as a file: made for its owner alone, brought to this version, and changed whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdk.store.errors import StoreError
from sdk.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

IN_MEMORY = ":memory:"
_WAIT = 60.0  # seconds for another process to end its transaction
_OWNER_ONLY = 0o600


class StoreFile:
    """One SQLite file. Safe to use from several threads, and from several processes at once.

    Args:
        path: the file; it is made if it is not there. None keeps everything in memory.

    Raises:
        StoreError: it cannot be opened, is something else, or of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = IN_MEMORY if path is None else str(Path(path).absolute())
        self._lock = threading.RLock()
        if path is not None:
            _make_private(Path(self.path))
        try:
            # isolation_level None: transactions begin and end where they are written here, nowhere else.
            self._connection = sqlite3.connect(
                self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False
            )
            # A transaction is on the disk, its folder's entry too, before COMMIT returns: what was marked
            # before x left the device is marked after a power cut as well.
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = EXTRA")
            self._migrate()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be used as a store: it is damaged, or no store.") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction that nobody else can come between.

        It is committed when the block ends well, else undone.

        Raises:
            StoreError: the disk is full, the file damaged, or another process holds it for too long.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreError(
                    f"The store {self.path} could not be read or written ({type(error).__name__}). Is the "
                    "disk full, or the file held by another process?"
                ) from error

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._connection.close()

    def _migrate(self) -> None:
        if self._number("user_version") == VERSION and self._number("application_id") == APPLICATION_ID:
            return
        with self.transaction() as connection:
            version = self._number("user_version")  # again: another process may have been faster
            self._refuse_foreign(version)
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _refuse_foreign(self, version: int) -> None:
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if self._number("application_id") != APPLICATION_ID and (version or tables):
            raise StoreError(f"{self.path} is an SQLite file of something else. Choose another file.")
        if version > VERSION:
            raise StoreError(
                f"The store {self.path} is of version {version}; this phasekey reads up to {VERSION}. Update "
                "phasekey on this device."
            )

    def _number(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _make_private(path: Path) -> None:
    """Make the file readable by its owner alone, before anything is in it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StoreError(
                f"The store {path} can be read by others than its owner. It holds private images: chmod 600."
            )
    except OSError as error:
        raise StoreError(f"The store {path} cannot be opened: {error.strerror}.") from error
