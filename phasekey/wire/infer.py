"""The hot path: inference messages as bytes, split into a small header and the tensors' own bytes.

Nearly all of an inference message is one tensor's raw contents, a top-level field. protobuf would copy them
out of the request, and into the reply before it copies the reply. So the top-level fields are walked here,
raw contents are taken as views, and what is left, some hundred bytes, is parsed by protobuf; the reply's
header is serialised by protobuf and the values are joined to it.

protobuf stays the judge of what a message is. The walk knows only what serialisers write (fields 1 to 15, a
length before each) and hands anything else to protobuf whole; a test of random and damaged messages holds the
two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from google.protobuf.message import DecodeError

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.tensors import (
    Array,
    PlainTensor,
    datatype_of,
    little_endian,
    plain_tensors,
    read_tensors,
)

Raw = Sequence[bytes | memoryview]
_Infer = TypeVar("_Infer", pb.ModelInferRequest, pb.ModelInferResponse)

_LENGTH_DELIMITED = 2  # the wire type, in a tag's lower three bits; the field's number is above them
_PLAIN_TAGS = frozenset(number << 3 | _LENGTH_DELIMITED for number in range(1, 16))
_ID = 3 << 3 | _LENGTH_DELIMITED  # in requests and responses
_REQUEST_RAW = 7 << 3 | _LENGTH_DELIMITED  # raw_input_contents
_RESPONSE_RAW = 6 << 3 | _LENGTH_DELIMITED  # raw_output_contents
_TOO_LONG = 1 << 31  # protobuf's own limit

# A walked field costs some hundred bytes, in the message it may take two. A real request has a dozen.
_MAX_FIELDS = 4096
_MOST_REPLIES = 64  # lengths of replies
_SMALL_HEADER = 1024  # bytes; of larger ones, which no server of ours writes, nothing is kept


class _Reply(NamedTuple):
    """A reply of one tensor: all that is ahead of its values, and the tensor."""

    head: bytes
    tensor: PlainTensor


_last_replies: dict[int, _Reply] = {}  # by the length of the whole


class RequestFrame(NamedTuple):
    """A request in three parts.

    Attributes:
        header: everything else: what one client's requests have in common.
        id: the request's id.
        raw: the raw contents, views of the message.
    """

    header: bytes
    id: str
    raw: list[memoryview]


def frame_request(data: bytes) -> RequestFrame | None:
    """Take a serialised ModelInferRequest apart unparsed, so that a header seen before is known again.

    Args:
        data: the message as it came.

    Returns:
        Its parts; the header is what protobuf may still refuse. None where protobuf has to look at it whole.

    Raises:
        WireError: a message of more than 4,096 fields.
    """
    parts = _split(data, _REQUEST_RAW, _ID)
    if parts is None:
        return None
    header, raw, ids = parts
    try:
        texts = [item.decode() for item in ids]
    except UnicodeDecodeError:
        return None
    return RequestFrame(header, texts[-1] if texts else "", raw)


def split_request(data: bytes) -> tuple[pb.ModelInferRequest, Raw]:
    """Parse a serialised ModelInferRequest, leaving its raw contents where they are.

    Args:
        data: the message as it came.

    Returns:
        The message without raw contents, and the raw contents, one for each input or none: views of data.
        ``read_tensors(message.inputs, raw)`` makes arrays of them.

    Raises:
        WireError: not such a message, or one of more than 4,096 fields.
    """
    parts = _split(data, _REQUEST_RAW)
    if parts is None:
        message = _parse(pb.ModelInferRequest, data)
        return message, message.raw_input_contents
    header, raw, _ = parts
    return _parse(pb.ModelInferRequest, header), raw


def split_response(data: bytes) -> tuple[pb.ModelInferResponse, Raw]:
    """Parse a serialised ModelInferResponse as split_request() does: ``read_tensors(message.outputs, raw)``.

    Raises:
        WireError: not such a message, or one of more than 4,096 fields.
    """
    parts = _split(data, _RESPONSE_RAW)
    if parts is None:
        message = _parse(pb.ModelInferResponse, data)
        return message, message.raw_output_contents
    header, raw, _ = parts
    return _parse(pb.ModelInferResponse, header), raw


def read_response(data: bytes) -> dict[str, Array]:
    """Read the tensors of a serialised ModelInferResponse; the arrays may be read-only views of data.

    What a header says is kept: a server's answers to requests of one shape differ in their values alone.

    Raises:
        WireError: not such a message, or its descriptions and values do not fit together.
    """
    seen = _last_replies.get(len(data))
    if seen is not None and data.startswith(seen.head):  # all that is ahead of the values, to their length
        return {seen.tensor.name: seen.tensor.array(memoryview(data)[len(seen.head) :])}
    parts = _split(data, _RESPONSE_RAW)
    if parts is not None and len(parts[0]) <= _SMALL_HEADER:
        header, raw, _ = parts
        plain = _plain_outputs(header)
        if plain is not None and [each.nbytes for each in plain] == [len(content) for content in raw]:
            _remember(data, header, plain)
            return {each.name: each.array(content) for each, content in zip(plain, raw, strict=True)}
    message, contents = split_response(data)
    return read_tensors(message.outputs, contents)


def _remember(data: bytes, header: bytes, plain: tuple[PlainTensor, ...]) -> None:
    """Keep what a reply of one tensor begins with, where its values end it."""
    if len(plain) == 1:
        head = header + _lead(_RESPONSE_RAW, plain[0].nbytes)
        if len(head) + plain[0].nbytes == len(data) and data.startswith(head):
            if len(_last_replies) >= _MOST_REPLIES:
                _last_replies.clear()
            _last_replies[len(data)] = _Reply(head, plain[0])


@lru_cache(maxsize=64)
def _plain_outputs(header: bytes) -> tuple[PlainTensor, ...] | None:
    """What a header describes, where all of it lies in raw contents as in memory; else None."""
    return plain_tensors(_parse(pb.ModelInferResponse, header).outputs)


def join_request(message: pb.ModelInferRequest | bytes, arrays: Mapping[str, Array]) -> bytes:
    """Serialise a request with arrays as its inputs, values raw; copies them once.

    Args:
        message: the request without inputs, serialised or not.
        arrays: by the input's name.

    Raises:
        WireError: an element type cannot travel.
    """
    return _join(message, arrays, _REQUEST_RAW)


def join_response(message: pb.ModelInferResponse, arrays: Mapping[str, Array]) -> bytes:
    """Serialise a response with arrays as its outputs, as join_request() does with inputs.

    Raises:
        WireError: an element type cannot travel.
    """
    return _join(message, arrays, _RESPONSE_RAW)


def answer_with(model: str, version: str, request_id: str, arrays: Mapping[str, Array]) -> bytes:
    """Serialise a response of these fields as join_response() does, without a message object.

    Raises:
        WireError: an element type cannot travel.
    """
    head = _describe_model(model, version)
    if request_id:
        text = request_id.encode()
        head = b"".join((head, _lead(_ID, len(text)), text))
    return _join_values(head, arrays, _RESPONSE_RAW)


def _split(
    data: bytes, raw_tag: int, apart: int | None = None
) -> tuple[bytes, list[memoryview], list[bytes]] | None:
    """Separate the raw contents, and one other field if asked to, from all others.

    Returns:
        The others, the raw contents, the field asked for. None where protobuf has to look at it whole.
    """
    end, start, position = len(data), 0, 0  # start: of the run of fields that belong to the header
    header: list[bytes] = []
    raw: list[memoryview] = []
    found: list[bytes] = []
    for _ in range(_MAX_FIELDS):
        if position == end:
            header.append(data[start:end])
            return b"".join(header), raw, found
        tag_at, tag = position, data[position]
        length, position = _read_length(data, position + 1)
        if tag not in _PLAIN_TAGS or not 0 <= length <= end - position:
            return None
        stop = position + length
        if tag == raw_tag:
            raw.append(memoryview(data)[position:stop])
        elif tag == apart:
            found.append(data[position:stop])
        else:
            position = stop
            continue
        header.append(data[start:tag_at])
        start = position = stop
    raise WireError(f"The message has {_MAX_FIELDS} fields or more.")


def _read_length(data: bytes, position: int) -> tuple[int, int]:
    """Read a varint below 2³¹: its value and the position after it; -1 where there is none."""
    length = 0
    if position < len(data) and data[position] < 0x80:  # most of them
        return data[position], position + 1
    for index, byte in enumerate(data[position : position + 5]):
        length |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return (length if length < _TOO_LONG else -1), position + index + 1
    return -1, position


def _parse(kind: type[_Infer], data: bytes) -> _Infer:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise WireError(f"The bytes are not a {kind.DESCRIPTOR.name} message.") from error


def _join(
    message: pb.ModelInferRequest | pb.ModelInferResponse | bytes, arrays: Mapping[str, Array], raw_tag: int
) -> bytes:
    return _join_values(
        message if isinstance(message, bytes) else message.SerializeToString(), arrays, raw_tag
    )


def _join_values(head: bytes, arrays: Mapping[str, Array], raw_tag: int) -> bytes:
    parts: list[bytes | Array] = [head]
    parts += (_describe(name, datatype_of(array.dtype), array.shape) for name, array in arrays.items())
    for array in arrays.values():
        parts += (_lead(raw_tag, array.nbytes), little_endian(array))
    return b"".join(parts)  # type: ignore[arg-type]  # an array is a buffer


@lru_cache(maxsize=256)
def _describe_model(model: str, version: str) -> bytes:
    return pb.ModelInferResponse(model_name=model, model_version=version).SerializeToString()


@lru_cache(maxsize=256)
def _describe(name: str, datatype: str, shape: tuple[int, ...]) -> bytes:
    """Serialise a tensor's description with its tag, which is the same in requests and responses."""
    tensors = pb.ModelInferResponse()
    tensors.outputs.add(name=name, datatype=datatype, shape=shape)
    return tensors.SerializeToString()


@lru_cache(maxsize=256)
def _lead(tag: int, length: int) -> bytes:
    """Write the tag and the length, a varint, that precede a field's value."""
    lead = bytearray((tag,))
    while length > 0x7F:
        lead.append(length & 0x7F | 0x80)
        length >>= 7
    lead.append(length)
    return bytes(lead)
