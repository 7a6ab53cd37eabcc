"""Between numpy arrays and the protocol's tensors.

A message holds descriptions (name, datatype, shape) and, apart from them, the values: raw bytes
(little-endian, row-major) in one list, or typed contents inside each description. We write raw and read
both, because servers may answer a typed request in either way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any, Protocol

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
_DATATYPES: Mapping[str, str] = {dtype: datatype for datatype, dtype in _DTYPES.items()}

_MAX_RANK = 32

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
    name = np.dtype(dtype).name
    if name not in _DATATYPES:
        raise WireError(
            f"No datatype of the protocol for numpy's {name}; one of {sorted(_DATATYPES)} can go."
        )
    return _DATATYPES[name]


def dtype_of(datatype: str) -> np.dtype[Any]:
    """Give numpy's little-endian element type for a datatype of the protocol: ``"FP32"`` → ``<f4``.

    Raises:
        WireError: unknown, or without a numpy counterpart (BF16, BYTES).
    """
    if datatype not in _DTYPES:
        raise WireError(f"Datatype {datatype!r} is not supported; use one of {', '.join(_DTYPES)}.")
    return np.dtype(_DTYPES[datatype]).newbyteorder("<")


def encode_raw(array: Array) -> bytes:
    """Give an array's values as they travel: little-endian, row-major, without padding."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


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


def read_tensors(tensors: Sequence[Tensor], raw: Sequence[bytes]) -> dict[str, Array]:
    """Read a message's tensors; the arrays may be read-only views of the message's bytes.

    Args:
        tensors: ``request.inputs`` or ``response.outputs``.
        raw: ``request.raw_input_contents`` or ``response.raw_output_contents``.

    Returns:
        The arrays by name, shaped and in numpy's element types.

    Raises:
        WireError: the descriptions and the values do not fit together.
    """
    counts = Counter(tensor.name for tensor in tensors)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise WireError(f"Each tensor may come once; repeated: {repeated}.")
    if not raw:
        return {tensor.name: decode_typed(tensor) for tensor in tensors}
    for tensor in tensors:
        if tensor.HasField("contents"):
            raise WireError(
                f"Tensor {tensor.name!r} has typed contents beside raw contents: send one of them."
            )
    if len(raw) != len(tensors):
        raise WireError(f"{len(tensors)} tensors need as many raw contents; {len(raw)} came.")
    return {tensor.name: decode_raw(tensor, content) for tensor, content in zip(tensors, raw, strict=True)}


def decode_raw(tensor: Tensor, raw: bytes) -> Array:
    """Read one tensor's values from raw bytes, without a copy where possible.

    Raises:
        WireError: unknown datatype, a negative size, or another number of bytes than the shape needs.
    """
    dtype = dtype_of(tensor.datatype)
    needed = _element_count(tensor) * dtype.itemsize
    if len(raw) != needed:
        raise WireError(f"{_describe(tensor)} needs {needed} raw bytes; {len(raw)} came.")
    if tensor.datatype == "BOOL":  # any byte but 0 is true; numpy takes it for granted that it is a 1
        return _shaped(np.frombuffer(raw, np.uint8) != 0, tensor)
    return _shaped(np.frombuffer(raw, dtype).astype(_native(dtype), copy=False), tensor)


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
    values = np.array(getattr(tensor.contents, field), dtype=carrier)
    if values.size != _element_count(tensor):
        raise WireError(f"{_describe(tensor)} needs {_element_count(tensor)} values; {values.size} came.")
    narrow = values.astype(dtype, copy=False)
    if dtype.kind in "iu" and not np.array_equal(narrow, values):
        raise WireError(f"{_describe(tensor)} holds values that {tensor.datatype} has no room for.")
    return _shaped(narrow, tensor)


def _element_count(tensor: Tensor) -> int:
    if len(tensor.shape) > _MAX_RANK:
        raise WireError(f"Tensor {tensor.name!r} has {len(tensor.shape)} axes; {_MAX_RANK} are allowed.")
    if any(size < 0 for size in tensor.shape):
        raise WireError(f"{_describe(tensor)} has a negative size; all sizes must be known.")
    return math.prod(tensor.shape)


def _shaped(values: Array, tensor: Tensor) -> Array:
    try:
        return values.reshape(tuple(tensor.shape))
    except ValueError as error:  # the count fits, so it is 0, beside sizes that overflow numpy's integers
        raise WireError(f"{_describe(tensor)} has sizes out of range.") from error


def _describe(tensor: Tensor) -> str:
    return f"Tensor {tensor.name!r} ({tensor.datatype} {list(tensor.shape)})"


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")
