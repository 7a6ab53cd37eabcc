"""The way to the cloud and back: x goes out, h comes in. Nothing else is sent.

``Transport`` is the interface; ``GrpcTransport`` speaks the Open Inference Protocol v2, which Triton,
KServe, MLServer, OVMS and our cloud_runtime serve.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Protocol

import grpc
import numpy as np

from phasekey.bundle import Manifest, TensorSpec, format_shape
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import datatype_of, read_tensors, write_tensors
from sdk.errors import CallError, ClientClosed, InvalidReply, Unavailable, WrongModel
from sdk.status import error_of, quote

Array = np.ndarray[Any, np.dtype[Any]]

_METHODS = ("ServerReady", "ModelReady", "ModelMetadata", "ModelInfer")
# How servers say that they don't have a model: Triton answers false, KServe NOT_FOUND, MLServer UNKNOWN.
_ABSENT = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN)


class Transport(Protocol):
    """Carries x to a processing module and h back. Must be safe to use from several threads."""

    @property
    def bytes_up(self) -> int:
        """Bytes of the inference requests answered so far, without the connection's own framing."""
        ...

    @property
    def bytes_down(self) -> int:
        """Bytes of the inference replies so far, without the connection's own framing."""
        ...

    def check(self, manifest: Manifest) -> None:
        """Make sure that the other side offers the module that this manifest belongs to.

        Raises:
            SdkError: it does not, or nothing is there.
        """
        ...

    def infer(self, x: Array) -> Array:
        """Send x (N, 2C, …) and return h (N, 2D, …), both in the wire's type.

        Raises:
            SdkError: no answer, or one that cannot be understood.
        """
        ...

    def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...


class GrpcTransport:
    """The Open Inference Protocol v2 over gRPC. Safe to use from several threads at once.

    Args:
        target: ``host:port``, or another gRPC target such as ``unix:/path``.
        model_name: the processing module's name on the server.
        credentials: for TLS, e.g. ``grpc.ssl_channel_credentials()``; None sends in the clear. (x is made
            to be seen by the server; TLS keeps it from everyone else, and the answer from being altered.)
        timeout: seconds that each call may take.
        max_reply_bytes: longest reply that is taken in; None sets no limit.
    """

    def __init__(
        self,
        target: str,
        model_name: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout: float = 30.0,  # seconds
        max_reply_bytes: int | None = None,
    ) -> None:
        self._target, self._model, self._timeout = target, model_name, timeout
        self._channel = _open_channel(target, credentials, max_reply_bytes)
        self._calls = {name: unary_call(self._channel, name) for name in _METHODS}
        self._lock = threading.Lock()
        self._up = self._down = 0

    @property
    def bytes_up(self) -> int:
        """Bytes of the inference requests answered so far: the messages, without gRPC's framing."""
        return self._up

    @property
    def bytes_down(self) -> int:
        """Bytes of the inference replies so far: the messages, without gRPC's framing."""
        return self._down

    def check(self, manifest: Manifest) -> None:
        """Ask the server whether it is ready, has the model, and means the same tensors by it.

        Raises:
            SdkError: says which of these fails, and what to do.
        """
        if not self._call("ServerReady", pb.ServerReadyRequest()).ready:
            raise Unavailable(f"The server at {self._target} is not ready yet. Try again in a moment.")
        if not self._has_model():
            raise self._error(grpc.StatusCode.NOT_FOUND)
        metadata = self._call("ModelMetadata", pb.ModelMetadataRequest(name=self._model))
        self._compare("input", metadata.inputs, manifest.processing.inputs)
        self._compare("output", metadata.outputs, manifest.processing.outputs)

    def infer(self, x: Array) -> Array:
        """Send x and return h, as the reply has it: the client checks its shape.

        Raises:
            SdkError: the call failed, or the reply holds no tensor ``h``.
        """
        request = pb.ModelInferRequest(model_name=self._model)
        request.outputs.add(name="h")
        write_tensors({"x": x}, request.inputs, request.raw_input_contents)
        reply = self._call("ModelInfer", request)
        self._count(request.ByteSize(), reply.ByteSize())
        try:
            tensors = read_tensors(reply.outputs, reply.raw_output_contents)
        except WireError as error:
            raise InvalidReply(f"The reply of {self._target} makes no sense: {quote(str(error))}") from error
        if "h" not in tensors:
            raise InvalidReply(f"The reply of {self._target} holds no tensor 'h'. Is it the right server?")
        return tensors["h"]

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _has_model(self) -> bool:
        try:
            return bool(self._call_raw("ModelReady", pb.ModelReadyRequest(name=self._model)).ready)
        except grpc.RpcError as error:
            if error.code() in _ABSENT:
                return False
            raise self._error(error.code(), error.details()) from error

    def _compare(self, side: str, found: Iterable[Any], wanted: Iterable[TensorSpec]) -> None:
        offered = {(port.name, port.datatype, tuple(port.shape)) for port in found}
        expected = {(spec.name, datatype_of(spec.dtype), _wire_shape(spec)) for spec in wanted}
        if offered != expected:
            raise WrongModel(
                f"Model {self._model!r} at {self._target} has {side} {_list(offered)}, this bundle needs "
                f"{_list(expected)}. Serve the 'cloud' folder that was exported together with this bundle."
            )

    def _call(self, method: str, request: Any) -> Any:
        try:
            return self._call_raw(method, request)
        except grpc.RpcError as error:
            raise self._error(error.code(), error.details()) from error

    def _call_raw(self, method: str, request: Any) -> Any:
        try:
            return self._calls[method](request, timeout=self._timeout)
        except ValueError as error:  # what gRPC raises on a closed channel
            raise ClientClosed("The client is closed. Make a new one.") from error

    def _error(self, code: grpc.StatusCode, details: str | None = None) -> CallError:
        return error_of(code, details, target=self._target, model=self._model, timeout=self._timeout)

    def _count(self, up: int, down: int) -> None:
        with self._lock:
            self._up += up
            self._down += down


def _open_channel(
    target: str, credentials: grpc.ChannelCredentials | None, max_reply_bytes: int | None
) -> grpc.Channel:
    options = [
        ("grpc.enable_http_proxy", 0),  # a proxy from the environment would be one more that sees x
        ("grpc.service_config_disable_resolution", 1),  # no TXT look-up beside the address's own
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1 if max_reply_bytes is None else max_reply_bytes),
    ]
    if credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, credentials, options)


def _wire_shape(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(-1 if size is None else size for size in spec.shape)


def _list(ports: Iterable[tuple[str, str, tuple[int, ...]]]) -> str:
    texts = (
        f"{quote(name)} {quote(datatype)} {format_shape(None if size == -1 else size for size in shape)}"
        for name, datatype, shape in sorted(ports)
    )
    return ", ".join(texts) or "none"
