"""Replacing a folder as a whole: readers see the old one or the new one, never a half."""

from __future__ import annotations

import ctypes
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phasekey.bundle.errors import BundleError

_MARK = Path("edge") / "manifest.json"  # what tells an export from a folder that holds other things
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Linux, renameat2(2)


@contextmanager
def staged(destination: Path) -> Iterator[Path]:
    """Give a new folder to write into; when the block ends well, it takes the destination's place.

    The new folder lies beside the destination, so that the change is a rename. Everything is flushed to
    the disk first. If the block fails, or the machine does, an older export at the destination is whole.

    Raises:
        BundleError: the destination is something other than an export, and is left as it is; or the disk
            refused.
    """
    destination = Path(destination).absolute()
    _refuse_foreign(destination)
    try:
        staging = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}")
        staging.mkdir(parents=True)
    except OSError as error:
        raise BundleError(f"Cannot write to {destination.parent}: {error.strerror}.") from error
    try:
        yield staging
        _publish(staging, destination)
    finally:
        import shutil  # here: devices write no bundle

        shutil.rmtree(staging, ignore_errors=True)


def _refuse_foreign(destination: Path) -> None:
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise BundleError(f"{destination} is not a folder. Choose another place for the export.")
    if destination.is_dir() and any(destination.iterdir()) and not (destination / _MARK).is_file():
        raise BundleError(
            f"{destination} holds something other than an export, and would be replaced as a whole. Choose "
            "a new or empty folder."
        )


def _publish(staging: Path, destination: Path) -> None:
    try:
        for folder, _, files in os.walk(staging):
            for name in [*files, "."]:
                _flush(Path(folder) / name)
        if destination.exists():
            _exchange(staging, destination)  # the old export is now at `staging`, which the caller removes
        else:
            staging.rename(destination)
        _flush(destination.parent)
    except OSError as error:
        raise BundleError(f"Writing {destination} failed: {error.strerror}.") from error


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders: in one step where the system can, else in two."""
    if not _exchange_at_once(new, old):
        aside = new.with_name(new.name + ".old")
        old.rename(aside)  # a crash just here leaves the old export whole, under this name
        try:
            new.rename(old)
        except OSError:
            aside.rename(old)
            raise
        aside.rename(new)


def _exchange_at_once(new: Path, old: Path) -> bool:
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    arguments = (_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE)
    return rename is not None and rename(*arguments) == 0  # refused by a few file systems


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
