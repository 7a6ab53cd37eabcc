"""ModelInfer and ModelStreamInfer: from a request's bytes to the answer's.

A call goes through the doors in this order: who is it, is there room, read the message, is there room for so
many bytes, which model, does the tensor fit, wait for a turn, run, answer. Whatever is refused is refused at
the first door that knows.

A ModelInfer has no thread of its own: what it waits for calls the next step. The steps up to the queue run
on the thread that polls gRPC, so a message that takes long to check goes to another; the answer is written by
the thread that ran it. A stream has a thread, which its client holds for as long as it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from cloud_runtime.errors import (
    CallCancelledError,
    InvalidInputError,
    NotServingError,
    OverloadedError,
    RequestError,
)
from cloud_runtime.observability.traces import Span, Tracer
from cloud_runtime.protocol.requests import Request, RequestReader
from cloud_runtime.protocol.rpc import Rpc
from cloud_runtime.protocol.statuses import Refusals, abort, explain, reason_of
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.safety.clients import Clients
from cloud_runtime.serving.admission import Admission, Ticket
from cloud_runtime.serving.processor import Processor
from cloud_runtime.serving.readers import Place, Readers
from cloud_runtime.serving.turns import Call, TurnQueue
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.infer import answer_with

_CHECKERS = 2  # threads that check large messages
MAX_STREAMS = 32  # open at a time; each holds a thread for as long as its client likes
_STATUS_ERRORS = "triton_grpc_error"  # Triton's header: end a stream by a status at the first error
_FOREVER = 86400.0 * 7  # seconds; gRPC gives some 10⁹ where a client set no deadline
_LARGE = 1024 * 1024  # bytes; messages from here on are checked on threads of their own (4 MB: some ms)
_INFER, _STREAM = "ModelInfer", "ModelStreamInfer"


Context = Rpc | grpc.ServicerContext


class _Inference:
    """One request that was found in order, from the queue to its answer."""

    def __init__(self, request: Request, call: Call, span: Span) -> None:
        self.call = call
        self._id, self._model, self._names, self._span = request.id, request.model, request.outputs, span

    def answer(self, start: int) -> bytes:
        """Write the answer, or raise what ended the request; both are counted. ``start``: its nanoseconds."""
        model, call = self._model, self.call
        try:
            outputs = call.result()
            arrays = {name: outputs[name] for name in self._names}
            reply = answer_with(model.name, model.version, self._id, arrays)
        except Exception as error:
            _count_failure(model, self._span, error, start)
            raise
        model.statistics.succeeded(time.monotonic_ns() - start, call.timing)
        self._span.finish(call.size, call.timing)
        return reply


class _Errand:
    """One ModelInfer, and what has to end when it ends, however it ends."""

    def __init__(self, rpc: Rpc, client: str, ticket: Ticket) -> None:
        self.rpc, self.client, self.ticket, self.start = rpc, client, ticket, time.monotonic_ns()
        self.place: Place
        self.inference: _Inference | None = None


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
        self._requests, self._queue, self._admission = RequestReader(repository), queue, admission
        self._streams = threading.Semaphore(MAX_STREAMS)
        self._readers, self._clients, self._refusals, self._tracer = readers, clients, refusals, tracer
        self._checkers = ThreadPoolExecutor(_CHECKERS, thread_name_prefix="check")

    def infer(self, rpc: Rpc) -> None:
        """Answer ModelInfer. Its message is read only once there is room for it."""
        try:
            client = self._clients.identify(rpc).name
            errand = _Errand(rpc, client, self._admission.enter(client))
            errand.place = Place(client, lambda: self._read(errand), rpc.cancel)
            # The ticket is left when the RPC is over, not when it is answered: a client that reads slowly
            # keeps its answer in our memory.
            if not rpc.add_callback(lambda: self._end(errand)):
                errand.ticket.leave()
                return
        except Exception as error:
            self._refuse(rpc, error)
            return
        self._readers.begin(errand.place)

    def stop(self) -> None:
        """End the threads; calls must have ended."""
        self._checkers.shutdown(wait=False, cancel_futures=True)

    def _read(self, errand: _Errand) -> None:
        try:
            errand.ticket.expect()
        except OverloadedError as error:
            self._readers.end(errand.place)
            self._refuse(errand.rpc, error)
            return
        errand.rpc.read(lambda data: self._take(errand, data))

    def _take(self, errand: _Errand, data: bytes | None) -> None:
        self._readers.end(errand.place)
        if data is None:
            self._refuse(errand.rpc, InvalidInputError("The call ended without a message."))
        elif len(data) < _LARGE:
            self._line_up(errand, data)
        else:
            self._checkers.submit(self._line_up, errand, data)

    def _line_up(self, errand: _Errand, data: bytes) -> None:
        try:
            errand.ticket.resize(len(data))
            errand.inference = inference = self._check(data, errand.client, errand.rpc, errand.start)
        except Exception as error:
            self._refuse(errand.rpc, error)
            return
        try:
            inference.call.cancelled = not errand.rpc.is_active()
            self._queue.submit(inference.call, lambda: self._answer(errand, inference))
        except RequestError as error:
            inference.call.fail(error)
            self._answer(errand, inference)

    def _answer(self, errand: _Errand, inference: _Inference) -> None:
        try:
            errand.rpc.answer(inference.answer(errand.start), _server_timing(inference.call))
        except Exception as error:  # the last line before the queue's thread, which others wait for
            self._refuse(errand.rpc, error)

    def _end(self, errand: _Errand) -> None:
        """Let go of all that a call holds, when it is over."""
        self._readers.end(errand.place)
        errand.ticket.leave()
        if errand.inference is not None and not errand.inference.call.done:
            self._queue.cancel(errand.inference.call)

    def _refuse(self, rpc: Rpc, error: Exception) -> None:
        if not rpc.is_active():  # whatever went wrong, it did because the client is gone
            error = CallCancelledError("The call was cancelled.")
        code, text = explain(_INFER, error)
        self._refusals.count(_INFER, code)
        rpc.refuse(code, text)

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
        start, ticket = time.monotonic_ns(), self._admission.enter(client)
        try:
            ticket.resize(len(data))
            inference = self._check(data, client, context, start)
            if not context.add_callback(lambda: self._queue.cancel(inference.call)):
                raise CallCancelledError("The call was cancelled.")
            self._run(inference.call)
            response = pb.ModelInferResponse.FromString(inference.answer(start))
            return triton.ModelStreamInferResponse(infer_response=response).SerializeToString()
        finally:
            ticket.leave()

    def _run(self, call: Call) -> None:
        """Wait for a call's end; answer() tells how it went."""
        try:
            self._queue.run(call)
        except Exception as error:
            call.fail(error)

    def _check(self, data: bytes, client: str, context: Context, start: int) -> _Inference:
        """Turn a message into a call that may run."""
        opened = self._requests.open(data)
        span = self._tracer.request(context, opened.model.name, opened.model.version)
        try:
            request = opened.read()
        except Exception as error:
            _count_failure(opened.model, span, error, start)
            raise
        call = Call(request.model, request.inputs, client, _deadline(request.timeout, context))
        return _Inference(request, call, span)


def _count_failure(model: Processor, span: Span, error: Exception, start: int) -> None:
    model.statistics.failed(reason_of(error), time.monotonic_ns() - start)
    span.fail(error)


def _server_timing(call: Call) -> tuple[tuple[str, str], ...]:
    """How long the request waited and ran here, for the client's own account: W3C's Server-Timing."""
    return (("server-timing", f"total;dur={sum(vars(call.timing).values()) / 1e6:.3f}"),)


def _deadline(timeout: float | None, context: Context) -> int | None:
    """Give the moment, in monotonic nanoseconds, after which nobody waits for the answer."""
    seconds = context.time_remaining()
    if timeout is not None:
        seconds = timeout if seconds is None else min(seconds, timeout)
    if seconds is None or seconds > _FOREVER:
        return None
    return time.monotonic_ns() + int(seconds * 1e9)
