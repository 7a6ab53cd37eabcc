"""ModelInfer's calls straight from gRPC's core, without a thread for each of them.

grpcio's own server gives each call a thread: three changes of thread before it is answered, which cost more
CPU time than the message (docs/serving-benchmarks.md). Here the thread that polls gRPC's core takes a call
in, and whoever has the answer sends it. Every other method of the service stays with grpcio's server; both
share its core, its port and that thread.

This uses names of grpcio that are not public: the server's core (``_state``) and the operations of
``grpc._cython.cygrpc``. They are used in this module alone, pyproject.toml bounds the versions, and record 75
says why.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

_Events = tuple[Any, Sequence[Callable[[], object]]]
_NOTHING: _Events = (
    None,
    (),
)  # what grpcio's loop wants of a handler: an RPC that is over, and what to call then
_FLAGS = 0


class Rpc:
    """One call with one message each way. Safe to use from many threads; its callbacks must not block.

    Callbacks run on the thread that polls gRPC: for that long no other event of the server is seen.
    """

    def __init__(self, event: Any) -> None:
        """Take a call up; see RpcPort."""
        self._call, self._details = event.call, event.call_details
        self._metadata: Sequence[tuple[str, str | bytes]] = event.invocation_metadata or ()
        self._lock = threading.Lock()
        self._due = 0  # operations under way
        self._cancelled = self._answered = False
        self._callbacks: list[Callable[[], object]] | None = []
        self._start((cygrpc.ReceiveCloseOnServerOperation(_FLAGS),), self._on_close)

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
        deadline: float = self._details.deadline
        return max(deadline - time.time(), 0.0)

    def is_active(self) -> bool:
        """Whether somebody waits for the answer still."""
        return not (self._cancelled or self._answered)

    def cancel(self) -> None:
        """End the call with CANCELLED."""
        self._call.cancel()

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Have a function called when the call is over, its answer sent or given up; False where it is."""
        with self._lock:
            if self._callbacks is None:
                return False
            self._callbacks.append(callback)
            return True

    def read(self, received: Callable[[bytes | None], object]) -> None:
        """Read the message; None comes where there is none, or the client is gone."""

        def on_message(event: Any) -> _Events:
            try:
                received(event.batch_operations[0].message() if event.success else None)
            finally:
                over = self._finish()
            return over

        if not self._start((cygrpc.ReceiveMessageOperation(_FLAGS),), on_message):
            received(None)

    def answer(self, data: bytes, trailers: Sequence[tuple[str, str]] = ()) -> None:
        """Send the answer; nothing is sent where the client is gone."""
        self._send(cygrpc.StatusCode.ok, b"", trailers, cygrpc.SendMessageOperation(data, _FLAGS))

    def refuse(self, code: grpc.StatusCode, text: str) -> None:
        """End the call with a status."""
        self._send(code.value[0], text.encode(), ())

    def _send(self, code: int, text: bytes, trailers: Sequence[tuple[str, str]], *message: Any) -> None:
        with self._lock:
            if self._cancelled or self._answered:
                return
            self._answered = True
        status = cygrpc.SendStatusFromServerOperation(tuple(trailers) or None, code, text, _FLAGS)
        self._start((cygrpc.SendInitialMetadataOperation(None, _FLAGS), *message, status), self._on_sent)

    def _start(self, operations: tuple[Any, ...], done: Callable[[Any], _Events]) -> bool:
        with self._lock:
            if self._callbacks is None:
                return False
            self._due += 1
        self._call.start_server_batch(operations, done)
        return True

    def _on_close(self, event: Any) -> _Events:
        if event.batch_operations[0].cancelled():
            self._cancelled = True
        return self._finish()

    def _on_sent(self, _: Any) -> _Events:
        return self._finish()

    def _finish(self) -> _Events:
        with self._lock:
            self._due -= 1
            if self._due or self._callbacks is None or not (self._cancelled or self._answered):
                return _NOTHING
            callbacks, self._callbacks = self._callbacks, None
        return self, callbacks


class RpcPort:
    """Takes one method of a server's calls.

    Args:
        server: grpcio's, not started yet.
        path: the method's, e.g. ``/inference.GRPCInferenceService/ModelInfer``.
        begin: called with each call; must not block.
    """

    def __init__(self, server: grpc.Server, path: str, begin: Callable[[Rpc], object]) -> None:
        self._state: Any = server._state  # type: ignore[attr-defined]
        self._path, self._begin, self._tag = path, begin, self._on_call
        self._state.server.register_method(path)

    def open(self) -> None:
        """Take calls, after the server's start."""
        with self._state.lock:
            self._ask()

    def _ask(self) -> None:
        """Ask the core for the next call. Under the server's lock, as all that it holds of calls."""
        queue = self._state.completion_queue
        self._state.server.request_registered_call(queue, queue, self._path, self._tag)
        self._state.due.add(self._tag)

    def _on_call(self, event: Any) -> _Events:
        if not event.success:  # the server stops
            with self._state.lock:
                self._state.due.discard(self._tag)
            return _NOTHING
        rpc = Rpc(event)
        with self._state.lock:
            self._state.due.discard(self._tag)
            self._state.rpc_states.add(rpc)
            if self._state.stage.value == "started":
                self._ask()
        self._begin(rpc)
        return _NOTHING
