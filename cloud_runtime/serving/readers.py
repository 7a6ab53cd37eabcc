"""Reading messages off the wire: a few at a time, and not for ever.

What waits here lies in gRPC's windows (64 KiB of a message at most), not in memory; so however many calls
arrive, memory holds only the messages that are being read and those that were let in.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable


class Place:
    """One reader, in line or reading. Both functions may be called on any thread, and must not block."""

    def __init__(self, client: str, start: Callable[[], object], cancel: Callable[[], object]) -> None:
        self.client, self.start, self.cancel = client, start, cancel
        self.since, self.open = 0.0, True


class Readers:
    """Lets some read at a time, at most half of them for one client.

    Args:
        limit: readers at a time.
        timeout: seconds that one message may take; a client that trickles is cut off.
    """

    def __init__(self, limit: int, timeout: float) -> None:
        self._limit, self._share, self._timeout = limit, max(1, limit // 2), timeout
        self._lock = threading.Lock()
        self._reading: Counter[str] = Counter()
        self._active: set[Place] = set()
        self._line: dict[Place, None] = {}  # in order, and quick to leave
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="slow senders", daemon=True).start()

    def begin(self, place: Place) -> None:
        """Have a place's ``start`` called once it may read; ``cancel`` where it then takes too long."""
        with self._lock:
            if not self._admit(place):
                self._line[place] = None
                return
        place.start()

    def end(self, place: Place) -> None:
        """Give a place back, read or not. More than once does no harm."""
        if not place.open:
            return
        with self._lock:
            place.open = False
            if place not in self._active:
                self._line.pop(place, None)
                return
            self._active.remove(place)
            self._reading[place.client] -= 1
            if not self._reading[place.client]:
                del self._reading[place.client]
            admitted = [other for other in list(self._line) if self._admit(other)] if self._line else []
            for other in admitted:
                del self._line[other]
        for other in admitted:
            other.start()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _admit(self, place: Place) -> bool:
        if len(self._active) >= self._limit or self._reading[place.client] >= self._share:
            return False
        self._reading[place.client] += 1
        place.since = time.monotonic()
        self._active.add(place)
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._timeout / 2)):
            latest = time.monotonic() - self._timeout
            with self._lock:
                late = [place.cancel for place in self._active if place.since < latest]
            for cancel in late:
                cancel()
