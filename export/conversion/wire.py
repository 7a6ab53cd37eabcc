"""The wire's type at both ends of the processing graph: x comes and h goes as float16 or int8.

The conversion lies inside the graph, so any Open Inference server does it, at the price of two nodes.
All of it commutes with the secret up to rounding: one scale for all components, zero point 0, and what is
too long is shortened rather than clipped (docs/adr/0020).
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.errors import ExportError
from phasekey.bundle import WireSpec

LARGEST_INT8 = 127  # -128 stays unused: both signs have the same room
_TYPES = {"float16": TensorProto.FLOAT16, "int8": TensorProto.INT8}


def convert_ends(processing: onnx.ModelProto, wire: WireSpec, components: int = 2) -> onnx.ModelProto:
    """Give the processing graph `x` and `h` of the wire's type; inside, both stay float32.

    Args:
        processing: x -> h, both float32; it is not changed.
        wire: type, and the scales of int8.
        blocks: components that lie in blocks of one sample: k, or 1 where they are samples by themselves.

    Returns:
        The converted graph, checked by onnx.

    Raises:
        ExportError: the graph is not one of float32 x and h.
    """
    _require_float32(processing)
    model = onnx.ModelProto()
    model.CopyFrom(processing)
    if wire.dtype == "float32":
        return model
    graph = model.graph
    _rename(graph, {"x": "x_float32", "h": "h_float32"})
    before, after = _casts() if wire.dtype == "float16" else _quantisers(graph, wire, components)
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.elem_type = _TYPES[wire.dtype]
    onnx.checker.check_model(model, full_check=True)
    return model


def _require_float32(model: onnx.ModelProto) -> None:
    found = [
        (value.name, value.type.tensor_type.elem_type) for value in (*model.graph.input, *model.graph.output)
    ]
    if found != [("x", TensorProto.FLOAT), ("h", TensorProto.FLOAT)]:
        names = ", ".join(f"{name} {helper.tensor_dtype_to_string(kind)}" for name, kind in found)
        raise ExportError(f"expected a processing graph from x to h, both float32; this one has {names}")


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(name, name) for name in tensors]


def _casts() -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    node = helper.make_node
    return (
        [node("Cast", ["x"], ["x_float32"], name="x_from_wire", to=TensorProto.FLOAT)],
        [node("Cast", ["h_float32"], ["h"], name="h_to_wire", to=TensorProto.FLOAT16)],
    )


def _quantisers(
    graph: onnx.GraphProto, wire: WireSpec, components: int
) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    """x by DequantizeLinear; h shortened to |h| ≤ 127 scales, then by QuantizeLinear."""
    x_scale, h_scale = np.float32(wire.x_scale), np.float32(wire.h_scale)
    reach = LARGEST_INT8 * h_scale
    sizes = [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim[1:]]
    constants = {
        "wire_x_scale": x_scale,
        "wire_h_scale": h_scale,
        "wire_zero": np.int8(0),
        "wire_reach": reach,
        "wire_reach_squared": reach * reach,
        "wire_parts": np.array([0, components, sizes[0] // components, *sizes[1:]], np.int64),
        "wire_whole": np.array([0, *sizes], np.int64),
        "wire_parts_axis": np.array([1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    node = helper.make_node
    return [
        node("DequantizeLinear", ["x", "wire_x_scale", "wire_zero"], ["x_float32"], name="x_from_wire")
    ], [
        node("Reshape", ["h_float32", "wire_parts"], ["wire_pair"]),  # (N, k, D, ...)
        node("Mul", ["wire_pair", "wire_pair"], ["wire_squares"]),
        node("ReduceSum", ["wire_squares", "wire_parts_axis"], ["wire_squared_norm"], keepdims=1),
        # reach / max(|h|, reach) = min(1, reach / |h|), and no zero is divided by.
        node("Clip", ["wire_squared_norm", "wire_reach_squared"], ["wire_clipped"]),
        node("Sqrt", ["wire_clipped"], ["wire_norm"]),
        node("Div", ["wire_reach", "wire_norm"], ["wire_shorten"]),
        node("Mul", ["wire_pair", "wire_shorten"], ["wire_shortened"]),
        node("Reshape", ["wire_shortened", "wire_whole"], ["wire_h"]),
        node("QuantizeLinear", ["wire_h", "wire_h_scale", "wire_zero"], ["h"], name="h_to_wire"),
    ]
