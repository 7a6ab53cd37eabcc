"""The methods as gRPC wants them: bytes in, bytes out, each kind of call with threads of its own.

Inference must not keep health from answering, and streams must not keep inference from it, so they share no
threads. ModelInfer is not here: it comes by ``cloud_runtime.protocol.rpc``, without a thread for each call.
Other calls wait in their threads' line unread; that line is bounded by the streams that a connection may open
(``grpc.max_concurrent_streams``).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from cloud_runtime.errors import InvalidInputError
from cloud_runtime.protocol.control import ControlService, Handler
from cloud_runtime.protocol.inference import MAX_STREAMS, InferenceService
from cloud_runtime.protocol.statuses import Refusals, abort
from cloud_runtime.safety.clients import Clients
from phasekey.wire.service import METHODS, SERVICE, Method

_SLOW = ("RepositoryModelLoad", "RepositoryModelUnload")
_REFUSERS = 8  # threads beyond those that are taken, to tell callers that they are


class Threads:
    """The threads that calls are answered on, by kind."""

    def __init__(self) -> None:
        self.streams = ThreadPoolExecutor(MAX_STREAMS + _REFUSERS, thread_name_prefix="stream")
        self.control = ThreadPoolExecutor(4, thread_name_prefix="control")
        self.operator = ThreadPoolExecutor(1, thread_name_prefix="operator")

    def stop(self) -> None:
        """Let the threads end; calls must have ended."""
        for pool in (self.streams, self.control, self.operator):
            pool.shutdown(wait=False, cancel_futures=True)


def on_threads(behaviour: Callable[..., Any], pool: ThreadPoolExecutor) -> Callable[..., Any]:
    """Have gRPC call a function on this pool's threads (its own way to say so is an attribute)."""

    def call(*arguments: Any) -> Any:
        return behaviour(*arguments)

    call.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return call


def make_handler(
    inference: InferenceService,
    control: ControlService,
    clients: Clients,
    refusals: Refusals,
    threads: Threads,
) -> grpc.GenericRpcHandler[Any, Any]:
    """Make the service ``inference.GRPCInferenceService``, ModelInfer apart.

    gRPC hands over bytes, so that a message that does not parse gets a status from here as well.
    """
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(
            on_threads(inference.stream, threads.streams)
        ),
    }
    for name, handler in control.handlers.items():
        pool = threads.operator if name in _SLOW else threads.control
        respond = _respond(METHODS[name], handler, clients, refusals)
        handlers[name] = grpc.unary_unary_rpc_method_handler(on_threads(respond, pool))
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def _respond(
    method: Method, handler: Handler, clients: Clients, refusals: Refusals
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def respond(data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            client = clients.identify(context)
            return handler(_parse(method, data), client).SerializeToString()
        except Exception as error:  # the last line before gRPC, which would send and log its text
            abort(context, method.name, error, refusals)

    return respond


def _parse(method: Method, data: bytes) -> Message:
    try:
        return method.request.FromString(data)
    except DecodeError as error:
        raise InvalidInputError(f"The request is not a {method.request.DESCRIPTOR.name} message.") from error
