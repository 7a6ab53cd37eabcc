"""Between numpy arrays and the protocol's tensors.

A message holds descriptions (name, datatype, shape) and, apart from them, the values: raw bytes
(little-endian, row-major) in one list, or typed contents inside each description. We write raw and read
both, because servers may answer a typed request in either way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError

Array = np.ndarray[Any, np.dtype[Any]]

_DTYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
_DATATYPES: Mapping[np.dtype[Any], str] = {
    either: datatype
    for datatype, dtype in _DTYPES.items()
    for either in (np.dtype(dtype), np.dtype(dtype).newbyteorder("S"))  # S: the other order of bytes
}

_ON_THE_WIRE = {datatype: np.dtype(dtype).newbyteorder("<") for datatype, dtype in _DTYPES.items()}

_MAX_RANK = 32
_LARGEST = 1 << 31  # a size of which a message could hold the values

# The field of the typed contents that a datatype's values travel in, and the numpy type of that field.
_TYPED: Mapping[str, tuple[str, str]] = {
    "BOOL": ("bool_contents", "bool"),
    "INT8": ("int_contents", "int32"),
    "INT16": ("int_contents", "int32"),
    "INT32": ("int_contents", "int32"),
    "INT64": ("int64_contents", "int64"),
    "UINT8": ("uint_contents", "uint32"),
    "UINT16": ("uint_contents", "uint32"),
    "UINT32": ("uint_contents", "uint32"),
    "UINT64": ("uint64_contents", "uint64"),
    "FP32": ("fp32_contents", "float32"),
    "FP64": ("fp64_contents", "float64"),
}


class Tensor(Protocol):
    """What an input of a request and an output of a response have in common."""

    name: str
    datatype: str
    contents: pb.InferTensorContents

    @property
    def shape(self) -> MutableSequence[int]: ...

    def HasField(self, field_name: Any) -> bool: ...  # noqa: N802 - protobuf's name


class Tensors(Protocol):
    """A repeated field of such tensors."""

    def add(self, *, name: str, datatype: str, shape: Sequence[int]) -> Any: ...


def datatype_of(dtype: np.dtype[Any] | str) -> str:
    """Give the protocol's name of a numpy element type: ``float32`` → ``"FP32"``.

    Raises:
        WireError: the type cannot travel.
    """
    try:
        return _DATATYPES[np.dtype(dtype)]
    except KeyError as error:
        raise WireError(
            f"No datatype of the protocol for numpy's {np.dtype(dtype).name}; one of "
            f"{sorted(_DTYPES.values())} can go."
        ) from error


def dtype_of(datatype: str) -> np.dtype[Any]:
    """Give numpy's little-endian element type for a datatype of the protocol: ``"FP32"`` → ``<f4``.

    Raises:
        WireError: unknown, or without a numpy counterpart (BF16, BYTES).
    """
    if datatype not in _ON_THE_WIRE:
        raise WireError(f"Datatype {datatype!r} is not supported; use one of {', '.join(_DTYPES)}.")
    return _ON_THE_WIRE[datatype]


def little_endian(array: Array) -> Array:
    """Lay an array's values out as they travel: little-endian, row-major. Without a copy where they are."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def encode_raw(array: Array) -> bytes:
    """Give an array's values as they travel: little-endian, row-major, without padding."""
    return little_endian(array).tobytes()


def write_tensors(arrays: Mapping[str, Array], tensors: Tensors, raw: MutableSequence[bytes]) -> None:
    """Append named arrays to a message, values raw.

    Args:
        arrays: what to write, by name.
        tensors: ``request.inputs`` or ``response.outputs``.
        raw: ``request.raw_input_contents`` or ``response.raw_output_contents``.

    Raises:
        WireError: an element type cannot travel.
    """
    for name, array in arrays.items():
        tensors.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
        raw.append(encode_raw(array))


def read_tensors(tensors: Sequence[Tensor], raw: Sequence[bytes | memoryview]) -> dict[str, Array]:
    """Read a message's tensors; the arrays may be read-only views of the message's bytes.

    Args:
        tensors: ``request.inputs`` or ``response.outputs``.
        raw: ``request.raw_input_contents`` or ``response.raw_output_contents``, or what
            ``phasekey.wire.infer`` split off.

    Returns:
        The arrays by name, shaped and in numpy's element types.

    Raises:
        WireError: the descriptions and the values do not fit together.
    """
    tensors = list(tensors)  # protobuf makes a new object at each access
    names = [tensor.name for tensor in tensors]
    if len(set(names)) != len(names):
        repeated = [name for name, count in Counter(names).items() if count > 1]
        raise WireError(f"Each tensor may come once; repeated: {repeated}.")
    if not raw:
        return {tensor.name: decode_typed(tensor) for tensor in tensors}
    for tensor in tensors:
        if tensor.HasField("contents") and tensor.contents.ListFields():  # MLServer sends empty ones
            raise WireError(
                f"Tensor {tensor.name!r} has typed contents beside raw contents: send one of them."
            )
    if len(raw) != len(tensors):
        raise WireError(f"{len(tensors)} tensors need as many raw contents; {len(raw)} came.")
    return {
        name: decode_raw(tensor, content) for name, tensor, content in zip(names, tensors, raw, strict=True)
    }


class PlainTensor(NamedTuple):
    """A tensor whose raw contents are its values as they lie in memory.

    Attributes:
        name: of the tensor.
        dtype: numpy's own.
        shape: its sizes.
        nbytes: length of its raw contents.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    nbytes: int

    def array(self, raw: bytes | memoryview) -> Array:
        """Read the values of ``nbytes`` raw bytes, without a copy where they are aligned for their type."""
        return _aligned(np.frombuffer(raw, self.dtype)).reshape(self.shape)


def plain_tensors(tensors: Sequence[Tensor]) -> tuple[PlainTensor, ...] | None:
    """Describe a message's tensors, or None where not all of them are plain, or one makes no sense.

    ``read_tensors`` reads all kinds, and says what is wrong.
    """
    plain = []
    for tensor in tensors:
        dtype, shape = _ON_THE_WIRE.get(tensor.datatype), tuple(tensor.shape)
        if dtype is None or not dtype.isnative or dtype.kind == "b" or tensor.HasField("contents"):
            return None
        if len(shape) > _MAX_RANK or not all(0 < size <= _LARGEST for size in shape):
            return None
        plain.append(PlainTensor(tensor.name, dtype, shape, math.prod(shape) * dtype.itemsize))
    return tuple(plain) if len({each.name for each in plain}) == len(plain) else None


def decode_raw(tensor: Tensor, raw: bytes | memoryview) -> Array:
    """Read one tensor's values from raw bytes, without a copy where they are aligned for their type.

    Raises:
        WireError: unknown datatype, a negative size, or another number of bytes than the shape needs.
    """
    datatype, shape = tensor.datatype, tuple(tensor.shape)
    dtype = dtype_of(datatype)
    needed = _element_count(tensor, shape) * dtype.itemsize
    if len(raw) != needed:
        raise WireError(f"{_describe(tensor)} needs {needed} raw bytes; {len(raw)} came.")
    if datatype == "BOOL":  # any byte but 0 is true; numpy takes it for granted that it is a 1
        return _shaped(np.frombuffer(raw, np.uint8) != 0, tensor, shape)
    values = np.frombuffer(raw, dtype).astype(_native(dtype), copy=False)
    return _shaped(_aligned(values), tensor, shape)


def decode_typed(tensor: Tensor) -> Array:
    """Read one tensor's values from its typed contents.

    Raises:
        WireError: unknown datatype, values in the wrong field, too few, too many, or out of range.
    """
    dtype = _native(dtype_of(tensor.datatype))
    if tensor.datatype not in _TYPED:
        raise WireError(f"Tensor {tensor.name!r}: {tensor.datatype} has no typed contents, send it raw.")
    field, carrier = _TYPED[tensor.datatype]
    filled = [descriptor.name for descriptor, _ in tensor.contents.ListFields()]
    if filled not in ([], [field]):
        raise WireError(f"{_describe(tensor)} needs its values in {field} alone; {', '.join(filled)} came.")
    shape = tuple(tensor.shape)
    values, count = np.array(getattr(tensor.contents, field), dtype=carrier), _element_count(tensor, shape)
    if values.size != count:
        raise WireError(f"{_describe(tensor)} needs {count} values; {values.size} came.")
    narrow = values.astype(dtype, copy=False)
    if dtype.kind in "iu" and not np.array_equal(narrow, values):
        raise WireError(f"{_describe(tensor)} holds values that {tensor.datatype} has no room for.")
    return _shaped(narrow, tensor, shape)


def _element_count(tensor: Tensor, shape: tuple[int, ...]) -> int:
    if len(shape) > _MAX_RANK:
        raise WireError(f"Tensor {tensor.name!r} has {len(shape)} axes; {_MAX_RANK} are allowed.")
    if shape and min(shape) < 0:
        raise WireError(f"{_describe(tensor)} has a negative size; all sizes must be known.")
    return math.prod(shape)


def _shaped(values: Array, tensor: Tensor, shape: tuple[int, ...]) -> Array:
    try:
        return values.reshape(shape)
    except ValueError as error:  # the count fits, so it is 0, beside sizes that overflow numpy's integers
        raise WireError(f"{_describe(tensor)} has sizes out of range.") from error


def _aligned(values: Array) -> Array:
    # A view into a message may begin anywhere, and compiled loops take the alignment of a type for granted.
    return values if values.flags.aligned else values.copy()


def _describe(tensor: Tensor) -> str:
    return f"Tensor {tensor.name!r} ({tensor.datatype} {list(tensor.shape)})"


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")
