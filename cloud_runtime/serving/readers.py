"""Reading messages off the wire: a few at a time, and not for ever.

What waits here lies in gRPC's windows (64 KiB of a message at most), not in memory; so however many calls
arrive, memory holds only the messages that are being read and those that were let in.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Readers:
    """Lets some threads read at a time, at most half of them for one client.

    Args:
        limit: readers at a time.
        timeout: seconds that one message may take; a client that trickles is cut off.
    """

    def __init__(self, limit: int, timeout: float) -> None:
        self._limit, self._share, self._timeout = limit, max(1, limit // 2), timeout
        self._changed = threading.Condition()
        self._reading: Counter[str] = Counter()
        self._active: dict[int, tuple[float, Callable[[], object]]] = {}
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="slow senders", daemon=True).start()

    @contextmanager
    def reading(self, client: str, cancel: Callable[[], object]) -> Iterator[None]:
        """Hold one of the places while a message is read; ``cancel`` ends a read that takes too long."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: self._has_place(client))
            self._reading[client] += 1
            self._active[me] = (time.monotonic(), cancel)
        try:
            yield
        finally:
            with self._changed:
                del self._active[me]
                self._reading[client] -= 1
                if not self._reading[client]:
                    del self._reading[client]
                self._changed.notify_all()  # the first in line may have its share already

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _has_place(self, client: str) -> bool:
        return len(self._active) < self._limit and self._reading[client] < self._share

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._timeout / 2)):
            latest = time.monotonic() - self._timeout
            with self._changed:
                late = [cancel for since, cancel in self._active.values() if since < latest]
            for cancel in late:
                cancel()
