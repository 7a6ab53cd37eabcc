"""A graph's inputs: what they are, and whether given arrays fit. Pure: no ONNX Runtime in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phasekey.bundle.tensors import TensorSpec, format_shape
from phasekey.graph_runtime.errors import GraphError

_DTYPES = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(uint8)": "uint8",
}


@dataclass(frozen=True)
class Port:
    """One input or output: its spec, and the names that the graph gave to its free sizes."""

    spec: TensorSpec
    symbols: tuple[str | None, ...]


def read_port(name: str, type_: str, shape: Sequence[int | str | None]) -> Port:
    """Turn ONNX Runtime's description of an input or output into a Port.

    Args:
        name: of the tensor.
        type_: as ONNX Runtime writes it, e.g. "tensor(float)".
        shape: sizes; names or None where they are free.

    Raises:
        GraphError: the element type has no numpy counterpart.
    """
    if type_ not in _DTYPES:
        raise GraphError(f"{name!r} is a {type_}; supported are {', '.join(sorted(_DTYPES.values()))}.")
    sizes = tuple(size if isinstance(size, int) else None for size in shape)
    symbols = tuple(size if isinstance(size, str) else None for size in shape)
    return Port(TensorSpec(name, _DTYPES[type_], sizes), symbols)


def check_feeds(ports: Sequence[Port], feeds: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Check arrays against a graph's inputs: names, element types, ranks, fixed and shared sizes.

    Args:
        ports: the graph's inputs.
        feeds: one array for each, by name.

    Raises:
        GraphError: says which input, what was expected and what came.
    """
    expected = {port.spec.name for port in ports}
    if set(feeds) != expected:
        raise GraphError(f"The graph takes the inputs {sorted(expected)}, it was given {sorted(feeds)}.")
    sizes: dict[str, int] = {}
    for port in ports:
        _check_feed(port, feeds[port.spec.name], sizes)


def _check_feed(port: Port, array: np.ndarray[Any, Any], sizes: dict[str, int]) -> None:
    spec = port.spec
    if not isinstance(array, np.ndarray):
        raise GraphError(f"Input {spec.name!r} must be a numpy array, not {type(array).__name__}.")
    if array.dtype != np.dtype(spec.dtype) or not spec.admits(spec.dtype, array.shape):
        came = f"{array.dtype} {format_shape(array.shape)}"
        raise GraphError(f"Input {spec.name!r} must be {spec}, not {came}.")
    for symbol, size in zip(port.symbols, array.shape, strict=True):
        if symbol is not None and sizes.setdefault(symbol, size) != size:
            raise GraphError(f"Input {spec.name!r} has size {size} where another has {sizes[symbol]}.")
