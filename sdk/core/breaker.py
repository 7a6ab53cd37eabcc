"""A circuit breaker: after some failures in a row, servers are left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Counts failures. Safe to use from several threads at once.

    Args:
        failures: in a row, after which it opens.
        pause: seconds that it stays open; then one call tries, and closes it or opens it anew.
        clock: monotonic seconds.
    """

    def __init__(self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._pause, self._clock = failures, pause, clock
        self._lock, self._failed, self._until = threading.Lock(), 0, 0.0

    def allows(self) -> bool:
        """Whether a call may go out. After the pause, for one call at a time."""
        with self._lock:
            if self._failed < self._most:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._pause  # this call tries; others wait for what comes of it
            return True

    def succeeded(self) -> None:
        """An answer came."""
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        """None came."""
        with self._lock:
            self._failed += 1
            if self._failed >= self._most:
                self._until = self._clock() + self._pause
