"""Shape arithmetic with the batch size left open: the nodes that compute shapes, on sizes a·N + b.

Values are object arrays whose items are Size or int. A node outside the table, or one whose result would
not be of that form for every N, has no known value, and the proof fails where the value is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from export.proof.sizes import NotLinear, Size, product, shape_of, size_of
from export.proof.step import Step, fixed
from export.proof.types import Array, Refused

Folder = Callable[[Step], Array | None]


def from_sizes(sizes: Sequence[Size]) -> Array:
    """Sizes as a vector: int64 where none depends on the batch, else of Size objects."""
    vector = np.empty(len(sizes), dtype=object)
    vector[:] = list(sizes)
    return _as_numbers(vector)


def fold_sizes(step: Step) -> list[Array] | None:
    """The value of a shape-computing node, or None where it is not known."""
    folder = _FOLDERS.get(step.op)
    try:
        result = folder(step) if folder else None
    except (NotLinear, Refused):
        return None
    return None if result is None else [_as_numbers(np.asarray(result, dtype=object))]


def _as_numbers(value: Array) -> Array:
    numbers = [size.fixed for size in shape_of(value.ravel().tolist())]
    if any(number is None for number in numbers):
        return value
    return np.array(numbers, dtype=np.int64).reshape(value.shape)


def _cast(step: Step) -> Array | None:
    return step.value(0) if step.attribute("to") == onnx.TensorProto.INT64 else None


def _gather(step: Step) -> Array:
    value = step.value(0)
    return np.asarray(np.take(value, step.value(1).astype(np.int64), axis=step.axis(value.ndim, 0)))


def _concat(step: Step) -> Array:
    values = [step.value(position).astype(object) for position in range(len(step.inputs))]
    return np.concatenate(values, axis=step.axis(values[0].ndim))


def _slice(step: Step) -> Array | None:
    if step.value(0).ndim != 1 or len(step.inputs) < 3:
        return None
    start, stop = (fixed(step.sizes(position)[0]) for position in (1, 2))
    stride = fixed(step.sizes(4)[0]) if step.optional(4) else 1
    return step.value(0)[slice(start, stop, stride)] if stride > 0 else None


def _reshape(step: Step) -> Array | None:
    target = [fixed(size) for size in step.sizes(1)]
    return None if 0 in target else step.value(0).reshape(target)


def _unsqueeze(step: Step) -> Array | None:
    value = step.value(0)
    return value.reshape(1) if value.ndim == 0 and step.axes(1, 1) == (0,) else None


def _squeeze(step: Step) -> Array | None:
    value = step.value(0)
    return value.reshape(()) if value.shape == (1,) else None


def _reduce_product(step: Step) -> Array | None:
    if step.value(0).ndim != 1 or step.axes(1, 1) not in (None, (0,)):
        return None
    result = np.empty((1,) if step.attribute("keepdims", 1) else (), dtype=object)
    result[...] = product(shape_of(step.value(0).tolist()))
    return result


def _binary(function: Callable[[Size, Size], Size]) -> Folder:
    def on_any(left: Any, right: Any) -> Size:
        return function(size_of(left), size_of(right))

    def folder(step: Step) -> Array:
        return np.asarray(np.frompyfunc(on_any, 2, 1)(step.value(0), step.value(1)), dtype=object)

    return folder


_FOLDERS: dict[str, Folder] = {
    "Identity": lambda step: step.value(0),
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "ReduceProd": _reduce_product,
    "Add": _binary(lambda left, right: left + right),
    "Sub": _binary(lambda left, right: left - right),
    "Mul": _binary(lambda left, right: left * right),
    "Div": _binary(lambda left, right: left // right),
}
