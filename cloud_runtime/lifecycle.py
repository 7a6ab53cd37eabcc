"""Where a server stands: starting, ready, draining. Health answers on every port go by it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Lifecycle:
    """Ready or not, told to whoever listens. Safe to use from many threads."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._listeners: list[Callable[[bool], None]] = []

    @property
    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return self._ready.is_set()

    def listen(self, listener: Callable[[bool], None]) -> None:
        """Call a function with each change, and with the state now."""
        self._listeners.append(listener)
        listener(self.ready)

    def set_ready(self, ready: bool) -> None:
        """Change the state."""
        if ready:
            self._ready.set()
        else:
            self._ready.clear()
        for listener in self._listeners:
            listener(ready)
