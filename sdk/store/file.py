"""The store as a file: made for its owner alone, brought to this version, and changed whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdk.store.errors import StoreError
from sdk.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

IN_MEMORY = ":memory:"
# Closing a file, by any descriptor, drops all locks that this process has on it (POSIX): a file that may
# be in use is opened by SQLite alone, and a new one is closed before anyone in this process opens it.
_making = threading.Lock()
_WAIT = 60.0  # seconds for another process to end its transaction
_OWNER_ONLY = 0o600
_inherited: list[sqlite3.Connection] = []  # of parent processes
_open: weakref.WeakSet[StoreFile] = weakref.WeakSet()


class StoreFile:
    """One SQLite file. Safe to use from several threads, and from several processes at once.

    Args:
        path: the file; it is made if it is not there. None keeps everything in memory.

    Raises:
        StoreError: it cannot be opened, is something else, or of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = IN_MEMORY if path is None else str(Path(path).absolute())
        if path is not None:
            _make_private(Path(self.path))
        try:
            self._connect()
            _open.add(self)
            self._migrate()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be used as a store: it is damaged, or no store.") from error

    def _connect(self) -> None:
        self._process, self.lock = os.getpid(), threading.RLock()
        # isolation_level None: transactions begin and end where they are written here, nowhere else.
        self._connection = sqlite3.connect(
            self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        # A rollback journal and no write-ahead log: it stays one file, and there are no readers whom a log
        # would keep from waiting. A transaction is on the disk, its folder's entry too, before COMMIT
        # returns: what was marked before x left the device is marked after a power cut as well.
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.execute("PRAGMA synchronous = EXTRA")

    def _leave_parent(self) -> None:
        """In a process that was forked, take a connection of its own.

        The old one is kept, not closed: to close it is not safe there (SQLite, "How to corrupt", 2.6).
        """
        if self._process == os.getpid():
            return
        if self.path == IN_MEMORY:
            raise StoreError("A store in memory stays in the process that made it. Give the client a file.")
        _inherited.append(self._connection)
        self._connect()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction that nobody else can come between.

        It is committed when the block ends well, else undone.

        Raises:
            StoreError: the disk is full, the file damaged, or another process holds it for too long.
        """
        self._leave_parent()
        with self.lock:
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
        self._leave_parent()
        with self.lock:
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
        with _making:
            if not path.exists():
                _make(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StoreError(
                f"The store {path} can be read by others than its owner. It holds private images: chmod 600."
            )
    except OSError as error:
        raise StoreError(f"The store {path} cannot be opened: {error.strerror}.") from error


def _make(path: Path) -> None:
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))


class _Forks:
    """Lets no fork happen within a transaction: SQLite would go on believing in locks that a child lacks."""

    def __init__(self) -> None:
        self._held: list[StoreFile] = []

    def before(self) -> None:
        """Wait for the transactions of other threads."""
        self._held = list(_open)
        for store in self._held:
            store.lock.acquire()

    def after(self) -> None:
        """Go on, in the parent; and in the child, where a store then sees that it was forked."""
        for store in self._held:
            store.lock.release()
        self._held = []


_forks = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks.before, after_in_parent=_forks.after, after_in_child=_forks.after)
