"""Reading a graph: its weights, its inputs, its nodes, and which of them its outputs need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import inliner, numpy_helper

from export.errors import ExportError
from export.proof.sizes import BATCH, Shape, size_of
from export.proof.types import Array, Refused

_OLDEST, _NEWEST = 11, 26
_FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.BFLOAT16,
}
_SIGNED = {onnx.TensorProto.INT8, onnx.TensorProto.INT16}


class UnreadableGraphError(ExportError):
    """A file is no ONNX graph, or not one that the proof can be asked of."""


def read(source: onnx.ModelProto | Path) -> onnx.ModelProto:
    """A valid graph, with local functions written out.

    Raises:
        UnreadableGraphError: no such file, no ONNX, or not valid by ONNX's own checker.
    """
    model = source if isinstance(source, onnx.ModelProto) else _load(source)
    try:
        onnx.checker.check_model(model)
        return inliner.inline_local_functions(model) if model.functions else model
    except (onnx.checker.ValidationError, RuntimeError) as error:
        raise UnreadableGraphError(
            "Expected a valid ONNX graph, but onnx.checker refuses this one. Export it again."
        ) from error


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except (OSError, DecodeError, ValueError) as error:
        raise UnreadableGraphError(
            f"Expected an ONNX graph, but {path} cannot be read as one. Check the path, or export again."
        ) from error


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators.

    Raises:
        UnreadableGraphError: one that the rules were not written for.
    """
    versions = [int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if len(versions) != 1 or not _OLDEST <= versions[0] <= _NEWEST:
        raise UnreadableGraphError(
            f"Expected opset {_OLDEST} to {_NEWEST}, this graph has {versions}. Convert it."
        )
    return versions[0]


def weights(graph: onnx.GraphProto) -> dict[str, Array]:
    """The stored constants by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def chosen_input(graph: onnx.GraphProto, wanted: str | None) -> str:
    """The name of the input that turns.

    Raises:
        UnreadableGraphError: no such input, or none given where there are several.
    """
    stored = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in stored]
    if wanted is None and len(names) == 1:
        return str(names[0])
    if wanted not in names:
        raise UnreadableGraphError(
            f"Expected the name of the input that turns, one of {names}; got {wanted!r}."
        )
    return str(wanted)


def chosen_outputs(graph: onnx.GraphProto, wanted: Sequence[str]) -> tuple[str, ...]:
    """The names of the outputs that must turn.

    Raises:
        UnreadableGraphError: the graph lacks one of them.
    """
    names = tuple(str(value.name) for value in graph.output)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UnreadableGraphError(f"Expected names of outputs, some of {list(names)}; got {missing}.")
    return tuple(wanted) or names


def input_shape(value: onnx.ValueInfoProto) -> Shape:
    """The declared shape; an open first size is the batch N.

    Raises:
        Refused: no shape, or another open size.
    """
    if not value.type.tensor_type.HasField("shape"):
        raise Refused("the input declares no shape; export it with one")
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]  # 0 where it is open
    if any(size <= 0 for size in sizes[1:]):
        raise Refused("the input has an open size besides the batch, axis 0; export it with fixed sizes")
    return tuple(size_of(size) if size > 0 else BATCH for size in sizes)


def fixed_input_shape(value: onnx.ValueInfoProto) -> Shape | None:
    """The shape of an input that does not turn; None if any size is open."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return tuple(map(size_of, sizes)) if all(size > 0 for size in sizes) else None


def is_quantised(value: onnx.ValueInfoProto) -> bool:
    """Whether the input holds signed whole numbers, as a quantised wire gives.

    Raises:
        Refused: neither those nor floating point.
    """
    kind = value.type.tensor_type.elem_type
    if kind not in _FLOATS | _SIGNED:
        raise Refused("the input must hold floating-point or signed whole numbers")
    return kind in _SIGNED


def needed(graph: onnx.GraphProto, outputs: Collection[str]) -> list[tuple[int, onnx.NodeProto]]:
    """The nodes that the outputs depend on, in order, with their positions."""
    wanted, kept = set(outputs), []
    for position, node in reversed(list(enumerate(graph.node))):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append((position, node))
    return kept[::-1]
