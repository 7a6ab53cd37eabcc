"""ModelInfer and ModelStreamInfer: from a request's bytes to the answer's.

A call goes through the doors in this order: who is it, is there room, read the message, is there room for so
many bytes, which model, does the tensor fit, wait for a turn, run, answer. Whatever is refused is refused at
the first door that knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import grpc

from cloud_runtime.errors import CallCancelledError, InvalidInputError, NotServingError, OverloadedError
from cloud_runtime.observability.traces import Tracer
from cloud_runtime.protocol.statuses import Refusals, abort, explain, reason_of
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.safety.clients import Clients
from cloud_runtime.serving.admission import Admission, Ticket
from cloud_runtime.serving.processor import Processor
from cloud_runtime.serving.readers import Readers
from cloud_runtime.serving.signature import Array
from cloud_runtime.serving.turns import Call, TurnQueue
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.errors import WireError
from phasekey.wire.infer import Raw, join_response, split_request
from phasekey.wire.tensors import read_tensors

# Triton's extensions that change what a tensor means; passing over them would give a wrong answer.
_UNSUPPORTED_PARAMETERS = ("classification", "shared_memory_region")
MAX_STREAMS = 32  # open at a time; each holds a thread for as long as its client likes
_TIMEOUT = "timeout"  # Triton's request parameter, microseconds
_STATUS_ERRORS = "triton_grpc_error"  # Triton's header: end a stream by a status at the first error
_FOREVER = 86400.0 * 7  # seconds; gRPC gives some 10⁹ where a client set no deadline
_INFER, _STREAM = "ModelInfer", "ModelStreamInfer"


class _Parameterised(Protocol):
    name: str

    @property
    def parameters(self) -> Mapping[str, pb.InferParameter]: ...


class _Errand:
    """What has to end when its RPC ends, however it ends."""

    def __init__(self, ticket: Ticket, queue: TurnQueue) -> None:
        self.ticket, self._queue = ticket, queue
        self.call: Call | None = None

    def end(self) -> None:
        self.ticket.leave()
        if self.call is not None and not self.call.done:
            self._queue.cancel(self.call)


class InferenceService:
    """Answers inference calls. Safe to use from many threads."""

    def __init__(
        self,
        repository: ModelRepository,
        queue: TurnQueue,
        admission: Admission,
        readers: Readers,
        clients: Clients,
        refusals: Refusals,
        tracer: Tracer,
    ) -> None:
        self._repository, self._queue, self._admission = repository, queue, admission
        self._streams = threading.Semaphore(MAX_STREAMS)
        self._readers, self._clients, self._refusals, self._tracer = readers, clients, refusals, tracer

    def infer(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """Answer ModelInfer. Its one message is read only once there is room for it."""
        try:
            client = self._clients.identify(context).name
            errand = _Errand(self._admission.enter(client), self._queue)
            # The ticket is left when the RPC is over, not when it is answered: a client that reads slowly
            # keeps its answer in our memory.
            if not context.add_callback(errand.end):
                errand.end()
                raise CallCancelledError("The call was cancelled.")
            with self._readers.reading(client, context.cancel):
                errand.ticket.expect()
                data = next(messages)
            errand.ticket.resize(len(data))
            reply = self._answer(data, client, context, errand)
            context.set_trailing_metadata(_server_timing(errand))
            return reply
        except Exception as error:  # the last line before gRPC, which would send and log its text
            abort(context, _INFER, self._sort(error, context), self._refusals)

    def stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Answer ModelStreamInfer: requests one after another, each in order, errors within the stream."""
        if not self._streams.acquire(blocking=False):
            abort(context, _STREAM, OverloadedError(f"{MAX_STREAMS} streams are open."), self._refusals)
        try:
            yield from self._serve_stream(messages, context)
        except Exception as error:
            if not context.is_active():
                return
            abort(context, _STREAM, error, self._refusals)
        finally:
            self._streams.release()

    def _serve_stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        by_status = (_STATUS_ERRORS, "true") in (context.invocation_metadata() or ())
        client = self._clients.identify(context).name
        for data in messages:
            try:
                yield self._answer_one(data, client, context)
            except Exception as error:
                if by_status or isinstance(error, NotServingError | CallCancelledError):
                    raise
                code, text = explain(_STREAM, error)
                self._refusals.count(_STREAM, code)
                yield triton.ModelStreamInferResponse(error_message=text).SerializeToString()

    def _answer_one(self, data: bytes, client: str, context: grpc.ServicerContext) -> bytes:
        errand = _Errand(self._admission.enter(client), self._queue)
        try:
            errand.ticket.resize(len(data))
            context.add_callback(errand.end)
            response = pb.ModelInferResponse.FromString(self._answer(data, client, context, errand))
            return triton.ModelStreamInferResponse(infer_response=response).SerializeToString()
        finally:
            errand.ticket.leave()

    def _answer(self, data: bytes, client: str, context: grpc.ServicerContext, errand: _Errand) -> bytes:
        start = time.monotonic_ns()
        request, raw = _split(data)
        model = self._repository.find(request.model_name, request.model_version)
        with self._tracer.request(context, model.name, model.version) as span:
            try:
                inputs, names = _check(request, raw, model)
                call = errand.call = Call(model, inputs, client, _deadline(request, context))
                outputs = self._queue.run(call)
                response = pb.ModelInferResponse(
                    model_name=model.name, model_version=model.version, id=request.id
                )
                reply = join_response(response, {name: outputs[name] for name in names})
            except Exception as error:
                model.statistics.failed(reason_of(error), time.monotonic_ns() - start)
                raise
            model.statistics.succeeded(time.monotonic_ns() - start, call.timing)
            span.finish(call.size, call.timing)
        return reply

    def _sort(self, error: Exception, context: grpc.ServicerContext) -> Exception:
        """What gRPC raises where a client is gone means just that."""
        if isinstance(error, StopIteration):
            return InvalidInputError("The call ended without a message.")
        if not context.is_active():
            return CallCancelledError("The call was cancelled.")
        return error


def _server_timing(errand: _Errand) -> tuple[tuple[str, str], ...]:
    """How long the request waited and ran here, for the client's own account: W3C's Server-Timing."""
    if errand.call is None:
        return ()
    return (("server-timing", f"total;dur={sum(vars(errand.call.timing).values()) / 1e6:.3f}"),)


def _split(data: bytes) -> tuple[pb.ModelInferRequest, Raw]:
    try:
        return split_request(data)
    except WireError as error:
        raise InvalidInputError(str(error)) from error


def _check(
    request: pb.ModelInferRequest, raw: Raw, model: Processor
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Turn a request into checked arrays and the names of the outputs to send."""
    _refuse_unsupported((*request.inputs, *request.outputs))
    names = model.signature.select_outputs([output.name for output in request.outputs])
    try:
        inputs = read_tensors(request.inputs, raw)
    except WireError as error:  # here it is the client's; anywhere else it would be ours
        raise InvalidInputError(str(error)) from error
    model.signature.check_inputs(inputs)
    return inputs, names


def _deadline(request: pb.ModelInferRequest, context: grpc.ServicerContext) -> int | None:
    """Give the moment, in monotonic nanoseconds, after which nobody waits for the answer."""
    seconds = context.time_remaining()
    if _TIMEOUT in request.parameters:
        own = request.parameters[_TIMEOUT].int64_param / 1e6
        seconds = own if seconds is None else min(seconds, own)
    if seconds is None or seconds > _FOREVER:
        return None
    return time.monotonic_ns() + int(seconds * 1e9)


def _refuse_unsupported(tensors: Iterable[_Parameterised]) -> None:
    for tensor in tensors:
        for parameter in _UNSUPPORTED_PARAMETERS:
            if parameter in tensor.parameters:
                raise InvalidInputError(
                    f"Tensor {tensor.name!r}: the parameter {parameter!r} is not supported."
                )
