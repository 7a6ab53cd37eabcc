"""Requests and replies of the Open Inference Protocol v2, as bytes and arrays. Pure: nothing is sent here.

Triton, KServe, MLServer, OVMS and our cloud_runtime speak it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import grpc
import numpy as np

from phasekey.bundle import Manifest, TensorSpec, format_shape
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.infer import join_request, read_response
from phasekey.wire.tensors import datatype_of
from sdk.errors import CallError, InvalidReply, Unavailable, WrongModel
from sdk.transport.status import NOTHING_SENT, SENT, error_of, quote

Array = np.ndarray[Any, np.dtype[Any]]

# How servers say that they don't have a model: Triton answers false, KServe NOT_FOUND, MLServer UNKNOWN.
_ABSENT = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN)
_ASKED = 4  # times, before a no counts
_TIMING = "server-timing"


@dataclass(frozen=True)
class Question:
    """One call of a check: the method's name and its request."""

    method: str
    request: Any


@dataclass(frozen=True)
class Peer:
    """Whom one talks to, for the texts of errors: the target, the model, and the seconds that a call has."""

    target: str
    model: str
    timeout: float
    connect_timeout: float

    def error(self, error: grpc.RpcError, *, sent: bool) -> CallError:
        """What a failed call means."""
        whole = sent or self.connect_timeout >= self.timeout
        timeout, setting = (self.timeout, "timeout") if whole else (self.connect_timeout, "connect_timeout")
        done = SENT if sent else NOTHING_SENT
        return self._error(error.code(), error.details(), timeout, done, setting)

    def absent(self) -> CallError:
        """What it means that the server does not offer the model."""
        return self._error(grpc.StatusCode.NOT_FOUND, None, self.timeout, NOTHING_SENT)

    def _error(
        self, code: grpc.StatusCode, details: str | None, timeout: float, done: str, setting: str = "timeout"
    ) -> CallError:
        words = {"target": self.target, "model": self.model, "setting": setting}
        return error_of(code, details, timeout=timeout, done=done, **words)


def check(peer: Peer, manifest: Manifest) -> Generator[Question, Any, None]:
    """Ask whether the server is ready, has the model, and means the same tensors by it.

    Yields:
        Each question; the reply is sent in, or the grpc.RpcError thrown in.

    Raises:
        CallError: says which of these fails, and what to do.
    """
    try:
        if not (yield from _any("ServerReady", pb.ServerReadyRequest())):
            text = f"The server at {peer.target} is not ready yet. Try again in a moment."
            raise Unavailable(text, done=NOTHING_SENT)
        try:
            offered = yield from _any("ModelReady", pb.ModelReadyRequest(name=peer.model))
        except grpc.RpcError as error:
            if error.code() not in _ABSENT:
                raise
            offered = False
        if not offered:
            raise peer.absent()
        metadata = yield Question("ModelMetadata", pb.ModelMetadataRequest(name=peer.model))
    except grpc.RpcError as error:
        raise peer.error(error, sent=False) from error
    _compare(peer, "input", metadata.inputs, manifest.processing.inputs)
    _compare(peer, "output", metadata.outputs, manifest.processing.outputs)


def _any(method: str, request: Any) -> Generator[Question, Any, bool]:
    """Whether one of a few servers says that it is ready: several get questions in turn, and one that shuts
    down says no to both, to a model that it has as well.
    """
    for _ in range(_ASKED):
        if (yield Question(method, request)).ready:
            return True
    return False


def advance(walk: Generator[Question, Any, None], reply: Any) -> Question | None:
    """Give a check the reply, or the error, to its last question: the next one, or None after the last."""
    try:
        return walk.throw(reply) if isinstance(reply, grpc.RpcError) else walk.send(reply)
    except StopIteration:
        return None


def infer_request(model: str, x: Array) -> bytes:
    """The bytes that ask for h of x. However often they are sent, they are these bytes."""
    return join_request(_asking(model), {"x": x})


@lru_cache(maxsize=64)
def _asking(model: str) -> bytes:
    """A request for h, without x."""
    request = pb.ModelInferRequest(model_name=model)
    request.outputs.add(name="h")
    return request.SerializeToString()


def infer_reply(peer: Peer, data: bytes) -> Array:
    """h of a reply, as the reply has it: the client checks its shape.

    Raises:
        InvalidReply: it makes no sense, or holds no tensor ``h``.
    """
    try:
        tensors = read_response(data)
    except WireError as error:
        text = f"The reply of {peer.target} makes no sense: {quote(str(error))}"
        raise InvalidReply(text, done=SENT) from error
    if "h" not in tensors:
        text = f"The reply of {peer.target} holds no tensor 'h'. Is it the right server?"
        raise InvalidReply(text, done=SENT)
    return tensors["h"]


def cloud_seconds(metadata: Iterable[tuple[str, str | bytes]] | None) -> float:
    """Seconds that the server says it took (``server-timing: compute;dur=MILLISECONDS``), or 0."""
    for key, value in metadata or ():
        if key == _TIMING and isinstance(value, str):
            _, _, number = value.partition("dur=")
            try:
                return max(0.0, float(number) / 1000)
            except ValueError:
                return 0.0
    return 0.0


def _compare(peer: Peer, side: str, found: Iterable[Any], wanted: Iterable[TensorSpec]) -> None:
    offered = {(port.name, port.datatype, tuple(port.shape)) for port in found}
    expected = {(spec.name, datatype_of(spec.dtype), _wire_shape(spec)) for spec in wanted}
    if offered != expected:
        raise WrongModel(
            f"Model {peer.model!r} at {peer.target} has {side} {_list(offered)}, this bundle needs "
            f"{_list(expected)}. Serve the 'cloud' folder that was exported together with this bundle.",
            done=NOTHING_SENT,
        )


def _wire_shape(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(-1 if size is None else size for size in spec.shape)


def _list(ports: Iterable[tuple[str, str, tuple[int, ...]]]) -> str:
    texts = (
        f"{quote(name)} {quote(datatype)} {format_shape(None if size == -1 else size for size in shape)}"
        for name, datatype, shape in sorted(ports)
    )
    return ", ".join(texts) or "none"
