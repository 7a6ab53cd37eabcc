"""From a request's bytes to checked arrays.

A client's requests differ in their values and perhaps their ids; the rest of the message, the header, is the
same again and again. So what a header means is worked out once, by protobuf and by every check there is, and
kept. A request whose header is known and whose values fit needs no more than to be looked through for NaN and
infinity. Whatever does not fit takes the long way, which knows what to say of it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from cloud_runtime.errors import InvalidInputError
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.serving.processor import Processor
from cloud_runtime.serving.signature import Array, is_finite
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.infer import Raw, RequestFrame, frame_request, split_request
from phasekey.wire.tensors import dtype_of, read_tensors

# Triton's extensions that change what a tensor means; passing over them would give a wrong answer.
_UNSUPPORTED_PARAMETERS = ("classification", "shared_memory_region")
_TIMEOUT = "timeout"  # Triton's request parameter, microseconds
_T = TypeVar("_T")

_MAX_PLANS, _MAX_HEADER = 256, 4096  # headers that are kept, and the bytes of one


class Request(NamedTuple):
    """A request that was found in order.

    Attributes:
        model: what it is for.
        inputs: checked arrays by name.
        outputs: the names of those to send.
        id: the client's own name for it.
        timeout: seconds that it may wait, where it says so.
    """

    model: Processor
    inputs: dict[str, Array]
    outputs: tuple[str, ...]
    id: str
    timeout: float | None


class _Input(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    bytes: int


class _Plan(NamedTuple):
    """What a header means, for as long as its model is the one that is served; it keeps none in memory."""

    name: str
    version: str
    model: weakref.ref[Processor]
    inputs: tuple[_Input, ...]
    outputs: tuple[str, ...]
    timeout: float | None


class _Parameterised(Protocol):
    name: str

    @property
    def parameters(self) -> Mapping[str, pb.InferParameter]: ...


class RequestReader:
    """Reads requests. Safe to use from many threads.

    Args:
        repository: where their models are.
    """

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository
        self._plans: dict[bytes, _Plan] = {}

    def open(self, data: bytes) -> OpenedRequest:
        """Find out what model a message is for; ``read()`` then tells the rest.

        Raises:
            InvalidInputError: it is no request.
            ModelNotFoundError: the model is not served here.
        """
        frame = _call(frame_request, data)
        plan = self._plans.get(frame.header) if frame else None
        if plan is not None:
            model = self._repository.find(plan.name, plan.version)
            if plan.model() is model:
                return OpenedRequest(self, data, frame, plan, model)
        message, raw = _call(split_request, data)
        model = self._repository.find(message.model_name, message.model_version)
        return OpenedRequest(self, data, frame, None, model, message, raw)

    def keep(self, frame: RequestFrame | None, message: pb.ModelInferRequest, request: Request) -> None:
        """Remember what a header means, where that is all there is to it."""
        if frame is None or len(frame.raw) != len(message.inputs) or len(frame.header) > _MAX_HEADER:
            return
        dtypes = [dtype_of(tensor.datatype) for tensor in message.inputs]
        if any(dtype.kind == "b" or not dtype.isnative for dtype in dtypes):  # these are converted
            return
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        inputs = tuple(
            _Input(name, dtype, array.shape, array.nbytes)
            for (name, array), dtype in zip(request.inputs.items(), dtypes, strict=True)
        )
        name, version = message.model_name, message.model_version
        self._plans[frame.header] = _Plan(
            name, version, weakref.ref(request.model), inputs, request.outputs, request.timeout
        )


class OpenedRequest:
    """A message whose model is known."""

    def __init__(
        self,
        reader: RequestReader,
        data: bytes,
        frame: RequestFrame | None,
        plan: _Plan | None,
        model: Processor,
        message: pb.ModelInferRequest | None = None,
        raw: Raw = (),
    ) -> None:
        self.model = model
        self._reader, self._data, self._frame, self._plan = reader, data, frame, plan
        self._message, self._raw = message, raw

    def read(self) -> Request:
        """Check all of it.

        Raises:
            InvalidInputError: the model does not take it; the text says why.
        """
        if self._plan is not None and self._frame is not None:
            inputs = _take(self._plan.inputs, self._frame.raw)
            if inputs is not None:
                return Request(self.model, inputs, self._plan.outputs, self._frame.id, self._plan.timeout)
        message, raw = self._message, self._raw
        if message is None:
            message, raw = _call(split_request, self._data)
        request = _read(message, raw, self.model)
        self._reader.keep(self._frame, message, request)
        return request


def _read(message: pb.ModelInferRequest, raw: Raw, model: Processor) -> Request:
    _refuse_unsupported((*message.inputs, *message.outputs))
    names = model.signature.select_outputs([output.name for output in message.outputs])
    try:
        inputs = read_tensors(message.inputs, raw)
    except WireError as error:  # here it is the client's; anywhere else it would be ours
        raise InvalidInputError(str(error)) from error
    model.signature.check_inputs(inputs)
    timeout = message.parameters[_TIMEOUT].int64_param / 1e6 if _TIMEOUT in message.parameters else None
    return Request(model, inputs, names, message.id, timeout)


def _take(expected: Iterable[_Input], raw: Raw) -> dict[str, Array] | None:
    """Make arrays of raw contents; None where they are not as expected."""
    inputs: dict[str, Array] = {}
    for item, content in zip_longest(expected, raw):
        if item is None or content is None or len(content) != item.bytes:
            return None
        # A view into a message, which may begin at any place; whoever runs it copies it if it has to.
        inputs[item.name] = array = np.frombuffer(content, item.dtype).reshape(item.shape)
        if not is_finite(array):
            return None
    return inputs


def _call(function: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return function(data)
    except WireError as error:
        raise InvalidInputError(str(error)) from error


def _refuse_unsupported(tensors: Iterable[_Parameterised]) -> None:
    for tensor in tensors:
        for parameter in _UNSUPPORTED_PARAMETERS:
            if parameter in tensor.parameters:
                raise InvalidInputError(
                    f"Tensor {tensor.name!r}: the parameter {parameter!r} is not supported."
                )
