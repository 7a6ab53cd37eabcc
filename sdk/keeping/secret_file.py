"""The device's secret as a file: made once and whole, for its owner alone; read with suspicion."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sdk.errors import SdkError, Untrusted
from sdk.keeping.judging import LONGEST, WeakSecretWarning, doubt, flaw
from sdk.secrets.keys import SECRET_BYTES

SECRET_FILE = "device.secret"
_LOCK_FILE = "device.lock"
_OWNER_ONLY, _OTHERS = 0o600, 0o077
_WAIT = 30.0  # seconds for another process that makes the secret just now


def device_secret(folder: Path) -> bytearray:
    """This device's secret: 32 random bytes, made when they are first asked for, and the same ever after.

    Processes that ask at once get one secret.

    Args:
        folder: where it lies; made if it is not there.

    Returns:
        A copy of the caller's own, to be overwritten after use.

    Raises:
        Untrusted: the file there is no secret, or others can read it.
        SdkError: it can be neither read nor made.
    """
    path = folder / SECRET_FILE
    if not path.exists():
        guarded(folder, lambda: None if path.exists() else _write(path))
    return read_secret(path)


def rotate_secret(folder: Path) -> Path:
    """Put a new secret in place of the old one, which is then gone: see docs/secret.md for what that undoes.

    Clients that are open keep the old one until they are made anew.

    Raises:
        SdkError: it cannot be written; the old one is as it was.
    """
    path = folder / SECRET_FILE
    guarded(folder, lambda: _write(path))
    return path


def read_secret(path: Path) -> bytearray:
    """Read a file that holds nothing but a secret.

    Returns:
        A copy of the caller's own, to be overwritten after use.

    Raises:
        Untrusted: others than its owner can read or change it, or it holds no secret.
        SdkError: it cannot be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a device file may never end, a pipe never begin
            raise Untrusted(
                f"{path} is no plain file. Copy 32 bytes of it into one: python -m sdk init makes a secret."
            )
        if os.name == "posix" and found.st_mode & _OTHERS:
            raise Untrusted(
                f"The secret {path} can be read or changed by others than its owner: chmod 600 {path}"
            )
        with path.open("rb") as file:
            content = bytearray(file.read(LONGEST + 1))
    except OSError as error:
        raise SdkError(f"The secret file {path} cannot be read: {error.strerror}.") from error
    problem = flaw(content)
    if problem:
        raise Untrusted(
            f"{path} holds no secret: {problem}. python -m sdk init makes one. What was sent under "
            "this one can be undone by whoever guesses it."
        )
    if doubt(content):
        warnings.warn(f"{path}: {doubt(content)}.", WeakSecretWarning, stacklevel=2)
    return content


def guarded(folder: Path, make: Callable[[], None]) -> None:
    """Make a secret while no other process does. SQLite's lock holds on every platform.

    Raises:
        SdkError: no lock could be taken in this folder, or nothing be made there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / _LOCK_FILE, timeout=_WAIT, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            make()
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or "no lock could be taken: is the disk full?"
        raise SdkError(
            f"This device's secret cannot be kept in {folder}: {reason}. Make room there, name another "
            "folder (PHASEKEY_DATA_DIR or data_folder=), or give secret=; with ephemeral=True none is kept, "
            "and an image that is sent again after a restart gives its feature away."
        ) from error


def _write(path: Path) -> None:
    """Give the file its name only when all of it is on the disk."""
    whole = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
            file.write(os.urandom(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)
