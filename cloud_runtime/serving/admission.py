"""Who is let in: a bounded number of requests and of bytes, no client more than its share.

Asked before a request's message is read, so that what is refused costs no memory. Its size is not known by
then; the client's last one stands for it until the message is there.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from cloud_runtime.errors import NotServingError, OverloadedError

_REMEMBERED = 4096  # clients whose last size and rate are kept


@dataclass
class _Client:
    requests: int = 0
    bytes: int = 0
    last_size: int = 0
    allowance: float = 0.0
    seen: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Limits:
    """What admission allows.

    Attributes:
        requests: requests in the server at a time.
        bytes: bytes of their messages.
        client_requests: of one client, at a time.
        client_bytes: of one client's messages.
        client_rate: requests a second of one client; 0 for any.
    """

    requests: int
    bytes: int
    client_requests: int
    client_bytes: int
    client_rate: float = 0.0


class Ticket:
    """One request's place. Leave() gives it back; more than once does no harm."""

    __slots__ = ("_admission", "account", "open", "size")

    def __init__(self, admission: Admission, account: _Client, size: int) -> None:
        self._admission, self.account, self.size, self.open = admission, account, size, True

    def resize(self, size: int) -> None:
        """Say how many bytes the message has after all.

        Raises:
            OverloadedError: no room for so many; the ticket is still to be left.
        """
        if size != self.size:
            self._admission.resize(self, size)

    def expect(self) -> None:
        """Look again, right before the message is read: the client's size may be known by now.

        Raises:
            OverloadedError: no room for one like its last.
        """
        if not self.size:
            self._admission.expect(self)

    def leave(self) -> None:
        """Give the place back."""
        self._admission.leave(self)


class Admission:
    """Counts what is in the server. Safe to use from many threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._requests = self._bytes = 0
        self._closed = False

    def enter(self, client: str) -> Ticket:
        """Let a request in.

        Raises:
            OverloadedError: no room, or the client has its share.
            NotServingError: the server is shutting down.
        """
        limits = self._limits
        with self._lock:
            if self._closed:
                raise NotServingError("The server is shutting down.")
            account = self._account(client)
            if limits.client_rate:
                self._check_rate(account)
            if self._requests >= limits.requests:
                raise OverloadedError(f"The server is full ({limits.requests} requests). Try again later.")
            if account.requests >= limits.client_requests:
                raise OverloadedError(
                    f"This client has {account.requests} requests here, as many as it may. Try again later."
                )
            size = account.last_size
            self._check_bytes(account, size)
            account.requests += 1
            self._requests += 1
            account.bytes += size
            self._bytes += size
            return Ticket(self, account, size)

    def expect(self, ticket: Ticket) -> None:
        """See Ticket.expect()."""
        with self._lock:
            if not ticket.open:
                return
            account = ticket.account
            self._check_bytes(account, account.last_size)
            self._charge(account, account.last_size)
            ticket.size = account.last_size

    def resize(self, ticket: Ticket, size: int) -> None:
        """See Ticket.resize()."""
        with self._lock:
            if not ticket.open:  # its client went while another thread was at its message
                return
            account = ticket.account
            account.last_size = size
            self._charge(account, -ticket.size)
            ticket.size = 0
            self._check_bytes(account, size)
            self._charge(account, size)
            ticket.size = size

    def leave(self, ticket: Ticket) -> None:
        """See Ticket.leave()."""
        with self._lock:
            if not ticket.open:
                return
            ticket.open = False
            account = ticket.account
            account.requests -= 1
            self._requests -= 1
            account.bytes -= ticket.size
            self._bytes -= ticket.size
            if self._closed and not self._requests:
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more."""
        with self._lock:
            self._closed = True

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait, after close(), until every request has left; False where the seconds did not do."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._requests, timeout)

    @property
    def requests(self) -> int:
        """Requests in the server now."""
        return self._requests

    @property
    def bytes(self) -> int:
        """Bytes of their messages."""
        return self._bytes

    def _account(self, client: str) -> _Client:
        account = self._clients.get(client)
        if account is None:
            account = self._clients[client] = _Client(allowance=self._limits.client_rate)
            self._forget()
        else:
            self._clients.move_to_end(client)
        return account

    def _forget(self) -> None:
        """Drop the longest silent clients that have nothing here."""
        if len(self._clients) > _REMEMBERED:
            for name in [name for name, account in self._clients.items() if not account.requests][:64]:
                del self._clients[name]

    def _check_rate(self, account: _Client) -> None:
        """Token bucket: a second's worth may come at once."""
        rate, now = self._limits.client_rate, time.monotonic()
        account.allowance = min(max(rate, 1.0), account.allowance + (now - account.seen) * rate)
        account.seen = now
        if account.allowance < 1:
            raise OverloadedError(f"This client may send {rate:g} requests a second. Try again later.")
        account.allowance -= 1

    def _check_bytes(self, account: _Client, size: int) -> None:
        """One request alone always fits: its size is bounded by the message limit."""
        if self._bytes and self._bytes + size > self._limits.bytes:
            raise OverloadedError(f"The server's queue is full ({self._bytes} bytes). Try again later.")
        if account.bytes and account.bytes + size > self._limits.client_bytes:
            raise OverloadedError(f"This client has {account.bytes} bytes here, its share. Try again later.")

    def _charge(self, account: _Client, size: int) -> None:
        account.bytes += size
        self._bytes += size
