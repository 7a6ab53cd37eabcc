"""What does not depend on the input's elements: values of weights, and operators that are functions."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any

import numpy as np
import onnx
from onnx import defs
from onnx.reference import ReferenceEvaluator

from export.proof.shape_arithmetic import fold_sizes, from_sizes
from export.proof.sizes import NotLinear, product, shape_of
from export.proof.step import Step
from export.proof.types import Array, Constant, Tensor

# Every operator of ONNX's own, up to the newest opset that is read, that may give other outputs each time.
_RANDOM = {
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
_LARGEST = 1 << 26  # elements; folding more than this is not worth the memory


def constant(value: Array, number: int) -> Tensor:
    """A constant tensor of known value."""
    return Tensor(shape_of(value.shape), Constant(), number, value)


def content_key(value: Array) -> tuple[Hashable, ...]:
    """A key that only equal arrays share."""
    if value.dtype == object:
        return ("sizes", value.shape, tuple(str(item) for item in value.ravel()))
    digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes()).hexdigest()
    return ("value", value.dtype.str, value.shape, digest)


def is_function(step: Step) -> bool:
    """Whether equal inputs always give equal outputs: an operator of ONNX's own that draws nothing."""
    if step.op in _RANDOM or has_subgraph(step.node):
        return False
    return step.node.domain in ("", "ai.onnx") and bool(defs.has(step.node.op_type, step.opset))


def has_subgraph(node: onnx.NodeProto) -> bool:
    """Whether the node runs a graph of its own, which may read tensors that its inputs do not name."""
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def fold(step: Step) -> list[Array] | None:
    """The values of the node's outputs, or None where they are not known."""
    if step.op in ("Shape", "Size"):
        return _fold_shape(step)
    if not all(isinstance(tensor.type, Constant) and tensor.value is not None for tensor in step.tensors):
        return None
    if any(tensor.value is not None and tensor.value.dtype == object for tensor in step.tensors):
        return fold_sizes(step)
    return _fold_numbers(step) if is_function(step) else None


def _fold_shape(step: Step) -> list[Array] | None:
    shape = step.input(0).shape
    if shape is None:
        return None
    if step.op == "Shape":
        return [from_sizes(shape[slice(step.attribute("start", 0), step.attribute("end"))])]
    try:
        return [from_sizes([product(shape)]).reshape(())]
    except NotLinear:
        return None


def _fold_numbers(step: Step) -> list[Array] | None:
    pairs = zip(step.node.input, step.inputs, strict=True)
    feeds = {name: tensor.value for name, tensor in pairs if tensor is not None and tensor.value is not None}
    if sum(value.size for value in feeds.values()) > _LARGEST:
        return None
    try:
        results = ReferenceEvaluator(_alone(step, feeds)).run(None, feeds)
    except Exception:  # the reference lacks some operators and types: the value is then not known
        return None
    arrays = [np.asarray(result) for result in results]
    return None if any(array.dtype == object for array in arrays) else arrays


def _alone(step: Step, feeds: dict[str, Any]) -> onnx.ModelProto:
    helper = onnx.helper
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in feeds.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in step.node.output if name]
    graph = helper.make_graph([step.node], "alone", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", step.opset)])
