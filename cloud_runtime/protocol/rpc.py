"""ModelInfer's calls straight from gRPC's core, without a thread for each of them.

grpcio's own server gives each call a thread: three changes of thread before it is answered, which cost more
CPU time than the message (record 43). Here a few threads wait at a completion queue of their own; the one
that takes a request off it runs it as well, and comes back for what arrived meanwhile. Every other method
stays with grpcio's server, its queue and its threads; the two share a port.

This uses names of grpcio that are not public: the server's core (``_state.server``) and the operations of
``grpc._cython.cygrpc``. They are used in this module alone, and pyproject.toml bounds the versions.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from cloud_runtime.protocol.statuses import locate

_NO_FLAGS = 0
_PAST, _NEVER = 0.0, None  # deadlines of a look at the queue: at once, and whenever something comes
_OPERATION, _SHUTDOWN = cygrpc.CompletionType.operation_complete, cygrpc.CompletionType.queue_shutdown
_BEFORE_WORK = 64  # events that are seen to before what waits is run, however many there are

_logger = logging.getLogger(__name__)


class Rpc:
    """One call with one message each way. Its callbacks come on a thread that others wait for."""

    __slots__ = ("_call", "_deadline", "_ended", "_metadata", "active")

    def __init__(self, event: Any) -> None:
        """Take a call up; see RpcPort."""
        self._call, self._deadline = event.call, event.call_details.deadline
        self._metadata: Sequence[tuple[str, str | bytes]] = event.invocation_metadata or ()
        self.active = True
        self._ended: Callable[[], object] = bool

    def watch(self, ended: Callable[[], object]) -> None:
        """Have a function called once the call is over: its answer is on the wire, or the client is gone."""
        self._ended = ended
        self._call.start_server_batch((cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),), self._on_close)

    def peer(self) -> str:
        """The client's address as gRPC writes it."""
        peer: bytes = self._call.peer()
        return peer.decode(errors="replace")

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What TLS says of the client."""
        found = cygrpc.auth_context(self._call) or {}
        return {key.decode(): value for key, value in found.items()}

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """The headers."""
        return self._metadata

    def time_remaining(self) -> float:
        """Seconds to the client's deadline, some 10⁹ where it set none."""
        remaining: float = self._deadline - time.time()
        return max(remaining, 0.0)

    def is_active(self) -> bool:
        """Whether somebody waits for the answer still."""
        return self.active

    def cancel(self) -> None:
        """End the call with CANCELLED."""
        self._call.cancel()

    def read(self, received: Callable[[bytes | None], object]) -> None:
        """Read the message; None comes where there is none, or the client is gone."""

        def on_message(event: Any) -> None:
            received(event.batch_operations[0].message() if event.success else None)

        self._call.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), on_message)

    def answer(self, data: bytes, trailers: tuple[tuple[str, str], ...]) -> None:
        """Send the answer, once; nothing is sent where the client is gone."""
        self._send(cygrpc.StatusCode.ok, b"", trailers, cygrpc.SendMessageOperation(data, _NO_FLAGS))

    def refuse(self, code: grpc.StatusCode, text: str) -> None:
        """End the call with a status, in place of an answer."""
        self._send(code.value[0], text.encode(), None)

    def _send(self, code: int, text: bytes, trailers: Any, *message: Any) -> None:
        head = cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS)
        status = cygrpc.SendStatusFromServerOperation(trailers, code, text, _NO_FLAGS)
        self._call.start_server_batch((head, *message, status), _pass)

    def _on_close(self, _: Any) -> None:
        self.active = False
        ended, self._ended = self._ended, bool  # who is told holds this call: no circle may be left
        ended()


class Work(Protocol):
    """What the threads do when nothing arrives."""

    def waits(self) -> bool:
        """Tell whether there may be something to do."""
        ...

    def work(self) -> bool:
        """Do some of it; False where there was nothing to do."""
        ...


class RpcPort:
    """Takes the calls of one method, on threads that also do the work.

    Args:
        server: grpcio's, not started yet.
        path: the method's, e.g. ``/inference.GRPCInferenceService/ModelInfer``.
        begin: called with each call.
        work: what the calls bring about.
    """

    def __init__(self, server: grpc.Server, path: str, begin: Callable[[Rpc], object], work: Work) -> None:
        self._core: Any = server._state.server  # type: ignore[attr-defined]
        self._path, self._begin, self._work = path, begin, work
        self._queue = cygrpc.CompletionQueue()
        self._threads: list[threading.Thread] = []
        self._core.register_method(path)
        self._core.register_completion_queue(self._queue)

    def open(self, threads: int) -> None:
        """Take calls, after the server's start."""
        self._ask()
        for number in range(threads):
            thread = threading.Thread(target=self._serve, name=f"call {number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End the threads, after the server's stop."""
        self._queue.shutdown()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        waits, seen = False, 0
        while True:
            event = self._queue.poll(_PAST if waits else _NEVER)
            if event.completion_type == _OPERATION:
                _handle(event)
                event = None  # it holds the call
                waits, seen = self._work.waits(), seen + 1
                if not waits or seen < _BEFORE_WORK:
                    continue
            elif event.completion_type == _SHUTDOWN:
                return
            waits, seen = self._work.work() and self._work.waits(), 0

    def _ask(self) -> None:
        """Ask the core for the next call."""
        try:  # noqa: SIM105 - suppress() costs a call six steps more
            self._core.request_registered_call(self._queue, self._queue, self._path, self._on_call)
        except ValueError:  # the server stops
            pass

    def _on_call(self, event: Any) -> None:
        if event.success:  # else the server stops
            self._ask()
            self._begin(Rpc(event))


def _handle(event: Any) -> None:
    """Call who waits for an event. Whatever goes wrong there must not end the thread."""
    try:
        event.tag(event)
    except Exception as error:
        _logger.error("a call's step failed: %s", locate(error))


def _pass(_: Any) -> None:
    """Want nothing of an event."""
