"""Reading messages off the wire: a few at a time, and not for ever.

What waits here lies in gRPC's windows (256 KiB of a message at most), not in memory; so however many calls
arrive, memory holds only the messages that are being read and those that were let in.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

_LEFT = 0.0


class Reader(Protocol):
    """Who wants to read a message. Both methods may be called on any thread, and must not block.

    Attributes:
        client: whose message it is.
        reads: None in line, then when it began in ``time.monotonic()`` seconds; 0 once it has left.
    """

    client: str
    reads: float | None

    def start(self) -> object:
        """Begin to read."""
        ...

    def cancel(self) -> object:
        """Give up: it takes too long."""
        ...


class Readers:
    """Lets some read at a time, at most half of them for one client.

    Args:
        limit: readers at a time.
        timeout: seconds that one message may take; a client that trickles is cut off.
    """

    def __init__(self, limit: int, timeout: float) -> None:
        self._limit, self._share, self._timeout = limit, max(1, limit // 2), timeout
        self._lock = threading.Lock()
        self._reading: dict[str, int] = {}
        self._active: set[Reader] = set()
        self._line: dict[Reader, None] = {}  # in order, and quick to leave
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="slow senders", daemon=True).start()

    def begin(self, reader: Reader) -> None:
        """Have a reader started once it may read, and cancelled where it then takes too long."""
        with self._lock:
            if not self._admit(reader):
                self._line[reader] = None
                return
        reader.start()

    def end(self, reader: Reader) -> None:
        """Let a reader leave, done or not. More than once does no harm."""
        if reader.reads == _LEFT:
            return
        with self._lock:
            reader.reads = _LEFT
            if reader not in self._active:
                self._line.pop(reader, None)
                return
            self._active.remove(reader)
            left = self._reading.pop(reader.client) - 1
            if left:
                self._reading[reader.client] = left
            admitted = [other for other in list(self._line) if self._admit(other)] if self._line else []
            for other in admitted:
                del self._line[other]
        for other in admitted:
            other.start()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _admit(self, reader: Reader) -> bool:
        reading = self._reading.get(reader.client, 0)
        if len(self._active) >= self._limit or reading >= self._share:
            return False
        self._reading[reader.client] = reading + 1
        reader.reads = time.monotonic()
        self._active.add(reader)
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._timeout / 2)):
            latest = time.monotonic() - self._timeout
            with self._lock:
                late = [reader for reader in self._active if reader.reads and reader.reads < latest]
            for reader in late:
                reader.cancel()
