"""A Ray Serve application: processing modules behind Ray's gRPC ingress, replicas as the load asks.

Devices talk to it as to cloud_runtime: the same exported repository, the same messages, EdgeClient unchanged.
Ray brings ingress, replicas and machines; models, checks and statuses are cloud_runtime's own. What Ray's
ingress would tell a client of an error (actors' names, addresses, stack traces) does not pass: see Ingress.

Start it by ``serve run examples/ray/serve.yaml``; docs/deploy.md has the whole of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from ray import serve

from cloud_runtime.errors import InvalidInputError
from cloud_runtime.lifecycle import Lifecycle
from cloud_runtime.protocol.control import ControlService
from cloud_runtime.protocol.statuses import explain
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.safety.clients import Client
from cloud_runtime.serving.processor import RunOptions
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.infer import join_response, split_request
from phasekey.wire.service import METHODS
from phasekey.wire.tensors import read_tensors

_INFER = "ModelInfer"
_CONTROL = ("ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "ModelMetadata")
# Parameters of Triton's that change what a tensor means; passing over them would give a wrong answer.
_UNSUPPORTED = ("classification", "shared_memory_region")
_OUR_INTERNAL = re.compile(r"internal error [0-9a-f]+")
_SAID_BY_RAY = (
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)

Handler = Callable[[bytes, Any], Awaitable[bytes]]
_MethodHandler = Any  # a named tuple in fact, an interface in grpc's types
if TYPE_CHECKING:
    _GenericHandler = grpc.GenericRpcHandler[bytes, bytes]
else:
    _GenericHandler = grpc.GenericRpcHandler  # takes no parameters where it runs


class Reply(NamedTuple):
    """Bytes in the place where Ray wants a protobuf message."""

    data: bytes

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Give the bytes as they are."""
        return self.data


class Replica:
    """One replica: the repository's models, loaded and warm. Its methods are the protocol's, on bytes.

    Args:
        repository: the ``cloud`` folder of an export, readable on every node.
        threads: threads within one run of a graph.
    """

    def __init__(self, repository: str, threads: int = 1) -> None:
        self._repository = ModelRepository(Path(repository), RunOptions(threads=threads, slice_samples=0))
        self._repository.load_all()
        lifecycle = Lifecycle()
        lifecycle.set_ready(True)
        self._control = ControlService(self._repository, lifecycle, explicit=False).handlers

    async def ModelInfer(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802 - methods of the wire
        """Answer one inference, on a thread: ONNX Runtime lets go of the interpreter while it runs."""
        return await self._answer(_INFER, lambda: asyncio.to_thread(self._infer, request), grpc_context)

    async def ServerLive(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802
        """Say that a replica answers."""
        return await self._tell("ServerLive", request, grpc_context)

    async def ServerReady(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802
        """Say whether models are loaded: Ray sends requests to replicas that are."""
        return await self._tell("ServerReady", request, grpc_context)

    async def ServerMetadata(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802
        """Name the server."""
        return await self._tell("ServerMetadata", request, grpc_context)

    async def ModelReady(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802
        """Say whether a model is served."""
        return await self._tell("ModelReady", request, grpc_context)

    async def ModelMetadata(self, request: bytes, grpc_context: Any) -> Reply:  # noqa: N802
        """Describe a model's tensors."""
        return await self._tell("ModelMetadata", request, grpc_context)

    async def _tell(self, method: str, request: bytes, context: Any) -> Reply:
        async def work() -> bytes:
            try:
                message = METHODS[method].request.FromString(request)
            except DecodeError as error:
                raise InvalidInputError("The bytes are not a message of this method.") from error
            return self._control[method](message, Client("ray", operator=False)).SerializeToString()

        return await self._answer(method, work, context)

    async def _answer(self, method: str, work: Callable[[], Awaitable[bytes]], context: Any) -> Reply:
        """Turn every error into a status here: one that got to Ray would go out with its stack trace."""
        try:
            return Reply(await work())
        except Exception as error:
            code, text = explain(method, error)
            context.set_code(code)
            context.set_details(text)
            return Reply(b"")

    def _infer(self, data: bytes) -> bytes:
        try:
            request, raw = split_request(data)
            inputs = read_tensors(request.inputs, raw)
        except WireError as error:
            raise InvalidInputError(str(error)) from error
        _refuse_unsupported((*request.inputs, *request.outputs))
        model = self._repository.find(request.model_name, request.model_version)
        names = model.signature.select_outputs([output.name for output in request.outputs])
        outputs = model.process(inputs)
        response = pb.ModelInferResponse(model_name=model.name, model_version=model.version, id=request.id)
        return join_response(response, {name: outputs[name] for name in names})


class Ingress(_GenericHandler):
    """Our methods in Ray's gRPC proxy. Ray puts its own handlers, which ask replicas, into _method_handlers.

    What comes back of them passes _without_internals: a replica that dies under a call is INTERNAL in Ray,
    with the actor's name, process and address as its text; here it is UNAVAILABLE, so that clients repeat.
    """

    def __init__(self, methods: Mapping[str, _MethodHandler]) -> None:
        self._method_handlers = dict(methods)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _MethodHandler | None:
        """Find the handler of a call."""
        handler = self._method_handlers.get(handler_call_details.method)
        return handler and handler._replace(unary_unary=_without_internals(handler.unary_unary))


def add_methods(_servicer: object, server: Any) -> None:
    """Add the protocol to a proxy of Ray's: the setting ``grpc_servicer_functions`` names this function."""
    handler = grpc.unary_unary_rpc_method_handler(
        lambda *_: b""
    )  # bytes as they come; Ray fills in what answers
    server.add_generic_rpc_handlers((Ingress({METHODS[name].path: handler for name in (_INFER, *_CONTROL)}),))


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """Make the application.

    Args:
        arguments: ``repository``, a folder that every node can read; and if need be ``threads``,
            ``min_replicas`` (1), ``max_replicas`` (8) and ``ongoing`` (4), the requests for each replica that
            more replicas are added at.
    """
    ongoing = int(arguments.get("ongoing", 4))
    deployment = serve.deployment(
        Replica,
        name="phasekey",
        max_ongoing_requests=4 * ongoing,
        health_check_period_s=2,
        graceful_shutdown_timeout_s=25,
        autoscaling_config={
            "min_replicas": int(arguments.get("min_replicas", 1)),
            "max_replicas": int(arguments.get("max_replicas", 8)),
            "target_ongoing_requests": ongoing,
        },
    )
    return deployment.bind(str(arguments["repository"]), int(arguments.get("threads", 1)))


def _without_internals(handler: Handler) -> Handler:
    async def answer(request: bytes, context: Any) -> bytes:
        try:
            reply = await handler(request, context)
        except Exception:
            reply = b""
            context.set_code(grpc.StatusCode.INTERNAL)
        code = context.code()
        failed = code == grpc.StatusCode.INTERNAL and not _OUR_INTERNAL.fullmatch(_text(context.details()))
        if failed or code == grpc.StatusCode.UNAVAILABLE:
            context.set_code(grpc.StatusCode.UNAVAILABLE)
            context.set_details("a replica failed, or none is ready")
        elif code in _SAID_BY_RAY:
            context.set_details("")
        return reply

    return answer


def _text(details: str | bytes | None) -> str:
    return details.decode(errors="replace") if isinstance(details, bytes) else details or ""


def _refuse_unsupported(tensors: tuple[Any, ...]) -> None:
    for tensor in tensors:
        for parameter in _UNSUPPORTED:
            if parameter in tensor.parameters:
                raise InvalidInputError(
                    f"Tensor {tensor.name!r}: the parameter {parameter!r} is not supported."
                )
