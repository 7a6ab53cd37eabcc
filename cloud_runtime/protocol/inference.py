"""ModelInfer and ModelStreamInfer: from a request's bytes to the answer's.

A call goes through the doors in this order: who is it, is there room, read the message, is there room for so
many bytes, which model, does the tensor fit, wait for a turn, run, answer. Whatever is refused is refused at
the first door that knows.

A ModelInfer has no thread of its own: what it waits for calls the next step. The steps up to the queue run
on the threads that wait for calls, so a message that takes long to check goes to another; the answer is
written by the thread that ran it. A stream has a thread, which its client holds for as long as it likes.
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
from cloud_runtime.serving.call import Call
from cloud_runtime.serving.processor import Processor
from cloud_runtime.serving.readers import Readers
from cloud_runtime.serving.turns import TurnQueue
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.infer import answer_with

_CHECKERS = 2  # threads that check large messages
MAX_STREAMS = 32  # open at a time; each holds a thread for as long as its client likes
_STATUS_ERRORS = "triton_grpc_error"  # Triton's header: end a stream by a status at the first error
_FOREVER = 86400.0 * 7  # seconds; gRPC gives some 10⁹ where a client set no deadline
_LARGE = 1024 * 1024  # bytes; messages from here on are checked on threads of their own (4 MB: some ms)
_INFER, _STREAM = "ModelInfer", "ModelStreamInfer"


class Inference:
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
        self._requests, self._clients, self._tracer = RequestReader(repository), clients, tracer
        self.queue, self.admission, self.readers, self.refusals = queue, admission, readers, refusals
        self._streams = threading.Semaphore(MAX_STREAMS)
        self.checkers = ThreadPoolExecutor(_CHECKERS, thread_name_prefix="check")

    def infer(self, rpc: Rpc) -> None:
        """Answer ModelInfer. Its message is read only once there is room for it."""
        try:
            client = self._clients.identify(rpc).name
            errand = _Errand(self, rpc, client, self.admission.enter(client))
        except Exception as error:
            refuse(rpc, error, self.refusals)
            return
        rpc.watch(errand.end)
        self.readers.begin(errand)

    def stop(self) -> None:
        """End the threads; calls must have ended."""
        self.checkers.shutdown(wait=False, cancel_futures=True)

    def check(self, data: bytes, client: str, context: Rpc | grpc.ServicerContext, start: int) -> Inference:
        """Turn a message into a call that may run."""
        opened = self._requests.open(data)
        span = self._tracer.request(context, opened.model.name, opened.model.version)
        try:
            request = opened.read()
        except Exception as error:
            _count_failure(opened.model, span, error, start)
            raise
        call = Call(request.model, request.inputs, client, _deadline(request.timeout, context))
        return Inference(request, call, span)

    def stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Answer ModelStreamInfer: requests one after another, each in order, errors within the stream."""
        if not self._streams.acquire(blocking=False):
            abort(context, _STREAM, OverloadedError(f"{MAX_STREAMS} streams are open."), self.refusals)
        try:
            yield from self._serve_stream(messages, context)
        except Exception as error:
            if not context.is_active():
                return
            abort(context, _STREAM, error, self.refusals)
        finally:
            self._streams.release()

    def _serve_stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        by_status = (_STATUS_ERRORS, "true") in (context.invocation_metadata() or ())
        client = self._clients.identify(context).name
        under_way: list[Call] = []  # one at a time

        def cancel() -> None:
            for call in tuple(under_way):
                self.queue.cancel(call)

        context.add_callback(cancel)  # one for all messages: gRPC keeps each until the stream's end
        for data in messages:
            try:
                yield self._answer_one(data, client, context, under_way)
            except Exception as error:
                if by_status or isinstance(error, NotServingError | CallCancelledError):
                    raise
                code, text = explain(_STREAM, error)
                self.refusals.count(_STREAM, code)
                yield triton.ModelStreamInferResponse(error_message=text).SerializeToString()
            del data  # not to be kept while the client thinks of the next

    def _answer_one(
        self, data: bytes, client: str, context: grpc.ServicerContext, under_way: list[Call]
    ) -> bytes:
        start, ticket = time.monotonic_ns(), self.admission.enter(client)
        try:
            ticket.resize(len(data))
            inference = self.check(data, client, context, start)
            under_way.append(inference.call)
            if not context.is_active():  # it ended before, and told nobody of this one
                raise CallCancelledError("The call was cancelled.")
            self._run(inference.call)
            response = pb.ModelInferResponse.FromString(inference.answer(start))
            return triton.ModelStreamInferResponse(infer_response=response).SerializeToString()
        finally:
            under_way.clear()
            ticket.leave()

    def _run(self, call: Call) -> None:
        """Wait for a call's end; answer() tells how it went."""
        try:
            self.queue.run(call)
        except Exception as error:
            call.fail(error)


class _Errand:
    """One ModelInfer, step by step, and what has to end when it ends, however it ends. A Reader."""

    __slots__ = ("_inference", "_rpc", "_service", "_start", "_ticket", "client", "reads")

    def __init__(self, service: InferenceService, rpc: Rpc, client: str, ticket: Ticket) -> None:
        self._service, self._rpc, self._ticket, self.client = service, rpc, ticket, client
        self._start = time.monotonic_ns()
        self._inference: Inference | None = None
        self.reads: float | None = None

    def start(self) -> None:
        """Read the message, if there is room for it still."""
        try:
            self._ticket.expect()
        except OverloadedError as error:
            self._service.readers.end(self)
            self._refuse(error)
            return
        self._rpc.read(self._take)

    def cancel(self) -> None:
        """Give up reading."""
        self._rpc.cancel()

    def end(self) -> None:
        """Let go of all that the call holds.

        It is over by then, not just answered: a client that reads slowly keeps its answer in our memory.
        """
        self._service.readers.end(self)
        self._ticket.leave()
        if self._inference is not None and not self._inference.call.done:
            self._service.queue.cancel(self._inference.call)

    def _take(self, data: bytes | None) -> None:
        self._service.readers.end(self)
        if data is None:
            self._refuse(InvalidInputError("The call ended without a message."))
        elif len(data) < _LARGE:
            self._line_up(data, works=True)
        else:
            self._service.checkers.submit(self._line_up, data, works=False)

    def _line_up(self, data: bytes, *, works: bool) -> None:
        try:
            self._ticket.resize(len(data))
            self._inference = inference = self._service.check(data, self.client, self._rpc, self._start)
        except Exception as error:
            self._refuse(error)
            return
        try:
            if not self._rpc.active:
                inference.call.cancelled = True
            self._service.queue.submit(inference.call, lambda: self._answer(inference), works=works)
        except RequestError as error:
            inference.call.fail(error)
            self._answer(inference)

    def _answer(self, inference: Inference) -> None:
        try:
            self._rpc.answer(inference.answer(self._start), _server_timing(inference.call))
        except Exception as error:  # the last line before a thread that others wait for
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        refuse(self._rpc, error, self._service.refusals)


def refuse(rpc: Rpc, error: Exception, refusals: Refusals) -> None:
    """End a call with the status of an error."""
    if not rpc.active:  # whatever went wrong, it did because the client is gone
        error = CallCancelledError("The call was cancelled.")
    code, text = explain(_INFER, error)
    refusals.count(_INFER, code)
    rpc.refuse(code, text)


def _count_failure(model: Processor, span: Span, error: Exception, start: int) -> None:
    model.statistics.failed(reason_of(error), time.monotonic_ns() - start)
    span.fail(error)


def _server_timing(call: Call) -> tuple[tuple[str, str], ...]:
    """How long the request waited and ran here, for the client's own account: W3C's Server-Timing."""
    return (("server-timing", f"total;dur={call.timing.total / 1e6:.3f}"),)


def _deadline(timeout: float | None, context: Rpc | grpc.ServicerContext) -> int | None:
    """Give the moment, in monotonic nanoseconds, after which nobody waits for the answer."""
    seconds = context.time_remaining()
    if timeout is not None:
        seconds = timeout if seconds is None else min(seconds, timeout)
    if seconds is None or seconds > _FOREVER:
        return None
    return time.monotonic_ns() + int(seconds * 1e9)
