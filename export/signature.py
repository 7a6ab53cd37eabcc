"""What a graph takes and gives, read from the ONNX model itself."""

from collections.abc import Iterable

import numpy as np
import onnx

from export.errors import ExportError
from phasekey.bundle import TensorSpec


def inputs_of(model: onnx.ModelProto) -> tuple[TensorSpec, ...]:
    """Read the graph's inputs, in order.

    Raises:
        ExportError: the batch, which comes first, is not the one free size.
    """
    return _specs(model.graph.input)


def outputs_of(model: onnx.ModelProto) -> tuple[TensorSpec, ...]:
    """Read the graph's outputs, in order.

    Raises:
        ExportError: the batch, which comes first, is not the one free size.
    """
    return _specs(model.graph.output)


def _specs(values: Iterable[onnx.ValueInfoProto]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(value) for value in values)


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    sizes = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    if not sizes or sizes[0] is not None or None in sizes[1:]:
        raise ExportError(
            f"{value.name} was traced with the shape {sizes}, but the batch must be the one free size "
            "(None, and first): a layer of this network fixes the batch or leaves another size open"
        )
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
    return TensorSpec(value.name, dtype, sizes)
