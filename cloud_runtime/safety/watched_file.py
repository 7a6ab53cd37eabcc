"""Files that are read anew when they change: certificates and tokens are replaced while the server runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from cloud_runtime.errors import CloudRuntimeError

_CHECK_EVERY = 1.0  # seconds

_Value = TypeVar("_Value")
_logger = logging.getLogger(__name__)


class WatchedFile(Generic[_Value]):
    """What some files hold, as of their last change that made sense.

    A change that cannot be read (half copied, wrong) is logged, and the last good value stays.

    Args:
        paths: the files, read together.
        read: turns them into the value; raises OSError, ValueError or CloudRuntimeError where it can't.

    Raises:
        CloudRuntimeError: they cannot be read at the start.
    """

    def __init__(self, paths: tuple[Path, ...], read: Callable[[tuple[Path, ...]], _Value]) -> None:
        self._paths, self._read, self._lock = paths, read, threading.Lock()
        self._checked = time.monotonic()
        try:
            self._stamp = self._look()
            self._value = read(paths)
        except OSError as error:
            raise CloudRuntimeError(f"{error.filename} cannot be read ({error.strerror}).") from error

    def value(self) -> _Value:
        """Return the value; at most once a second this looks at the files' times."""
        if time.monotonic() - self._checked > _CHECK_EVERY:
            with self._lock:
                self._checked = time.monotonic()
                self._refresh()
        return self._value

    def _refresh(self) -> None:
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._value = self._read(self._paths)
            self._stamp = stamp
        except (OSError, ValueError, CloudRuntimeError) as error:
            _logger.error(
                "%s changed and cannot be used, the former stays: %s", self._names(), type(error).__name__
            )
            return
        _logger.info("read %s anew", self._names())

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(
            (status.st_mtime_ns, status.st_ino, status.st_size) for status in map(Path.stat, self._paths)
        )

    def _names(self) -> str:
        return ", ".join(map(str, self._paths))
