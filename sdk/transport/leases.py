"""The channel in use, and older ones until their last call ends.

A channel can neither read new certificates nor tell that a connection went dead without a word. So a new one
is opened for the calls to come, and the old one is closed when its calls are through.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sdk.errors import ClientClosed, ConfigurationError

_Channel = TypeVar("_Channel")


class Lease(Generic[_Channel]):
    """A channel with the calls that go over it now: a context for each of them."""

    def __init__(self, channel: _Channel, stamp: object, over: Callable[[Lease[_Channel]], None]) -> None:
        self.channel, self.stamp, self.calls, self.stale = channel, stamp, 0, False
        self._over = over

    def __enter__(self) -> Lease[_Channel]:
        return self

    def __exit__(self, *_: object) -> None:
        self._over(self)


class Leases(Generic[_Channel]):
    """Gives out channels to calls. Safe to use from several threads; of no use after a fork.

    Args:
        open_channel: makes a channel, without waiting for anything.
        close_channel: closes one, whatever it is doing.
        stamp: changes when a new channel is needed, as file times of certificates do.
    """

    def __init__(
        self,
        open_channel: Callable[[], _Channel],
        close_channel: Callable[[_Channel], None],
        stamp: Callable[[], object] = lambda: None,
    ) -> None:
        self._open, self._close, self._stamp = open_channel, close_channel, stamp
        self._lock, self._process = threading.Lock(), os.getpid()
        self._current: Lease[_Channel] | None = None
        self._leases: set[Lease[_Channel]] = set()
        self._closed = False

    def lease(self) -> Lease[_Channel]:
        """Have a channel for one call: ``with leases.lease() as lease``.

        Raises:
            ClientClosed: closed, or in another process than the one that it was made in.
        """
        check_process(self._process)  # ahead of the lock, which a fork may have left locked
        with self._lock:
            lease = self._take()
            lease.calls += 1
        return lease

    def renew(self, lease: Lease[_Channel]) -> None:
        """Have the next call open a new channel, where this one is still in use."""
        lease.stale = True

    def close(self) -> None:
        """Close all channels. In a process that was forked off, only forget them."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._closed, leases, self._leases = True, self._leases, set()
        for lease in leases:
            self._close(lease.channel)

    def _take(self) -> Lease[_Channel]:
        if self._closed:
            raise ClientClosed("The client is closed. Make a new one.")
        stamp = self._stamp()
        if self._current is None or self._current.stale or self._current.stamp != stamp:
            self._replace(stamp)
        return self._current  # type: ignore[return-value]  # _replace has set it, or raised

    def _replace(self, stamp: object) -> None:
        try:
            channel = self._open()
        except ConfigurationError:  # a certificate that is half written, or gone: the old channel goes on
            if self._current is None or self._current.stale:
                raise
            return
        self._current = Lease(channel, stamp, self._end_call)
        self._leases.add(self._current)
        self._drop_unused()

    def _end_call(self, lease: Lease[_Channel]) -> None:
        with self._lock:
            lease.calls -= 1
            if lease is not self._current:
                self._drop_unused()

    def _drop_unused(self) -> None:
        unused = [lease for lease in self._leases if lease is not self._current and not lease.calls]
        for lease in unused:
            self._leases.discard(lease)
            self._close(lease.channel)


def check_process(process: int) -> None:
    """Refuse to go on in a child of a fork: a connection's state cannot be shared.

    Raises:
        ClientClosed: this is another process.
    """
    if os.getpid() != process:
        raise ClientClosed(
            f"This client belongs to process {process}, and this is a fork of it: a connection cannot be "
            "shared. Make a client in each process, after the fork."
        )
