"""Random edits of a graph: a node's operator, inputs, attributes or weights, or a node put in between."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

INSERTED = ["Relu", "Abs", "Neg", "Tanh", "Sqrt", "Identity", "Sigmoid", "Sign", "Exp"]
SIBLINGS = [
    ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"],
    ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceProd"],
    [*INSERTED, "Clip"],
    ["MaxPool", "AveragePool"],
]


def mutate(model: onnx.ModelProto, random: np.random.Generator, edits: int = 1) -> onnx.ModelProto:
    """A copy with some random edits. It may be no valid graph any more."""
    mutant = onnx.ModelProto()
    mutant.CopyFrom(model)
    for _ in range(edits):
        EDITS[random.integers(len(EDITS))](mutant.graph, random)
    return mutant


def _node(graph, random):
    return graph.node[random.integers(len(graph.node))]


def other_operator(graph, random):
    node = _node(graph, random)
    family = next((ops for ops in SIBLINGS if node.op_type in ops), None)
    if family:
        node.op_type = str(random.choice(family))


def other_input(graph, random):
    """Reads another tensor, made before this node."""
    at = int(random.integers(len(graph.node)))
    node = graph.node[at]
    tensors = ["x", *(name for earlier in graph.node[:at] for name in earlier.output)]
    if node.input:
        node.input[random.integers(len(node.input))] = str(random.choice(tensors))


def swapped_inputs(graph, random):
    node = _node(graph, random)
    if len(node.input) > 1:
        first, second = random.choice(len(node.input), 2, replace=False)
        node.input[first], node.input[second] = node.input[second], node.input[first]


def swapped_outputs(graph, random):
    node = _node(graph, random)
    if len(node.output) > 1:
        node.output[0], node.output[1] = node.output[1], node.output[0]


def repeated_input(graph, random):
    node = _node(graph, random)
    if len(node.input) > 1:
        first, second = random.choice(len(node.input), 2, replace=False)
        node.input[first] = node.input[second]


def other_attribute(graph, random):
    node = _node(graph, random)
    # A wrong num_outputs makes ONNX's own shape inference end the process.
    numbers = [a for a in node.attribute if a.type in (a.INT, a.INTS) and a.name != "num_outputs"]
    if not numbers:
        return
    attribute = numbers[random.integers(len(numbers))]
    if attribute.type == attribute.INT:
        attribute.i = int(random.integers(-1, 4))
    else:
        attribute.ints[random.integers(len(attribute.ints))] = int(random.integers(0, 4))


def permuted_attribute(graph, random):
    node = _node(graph, random)
    for attribute in node.attribute:
        if len(attribute.ints) > 1:
            attribute.ints[:] = random.permutation(attribute.ints).tolist()


def other_number(graph, random):
    """One stored number moves; of whole numbers, by one or two."""
    tensor = graph.initializer[random.integers(len(graph.initializer))]
    value = numpy_helper.to_array(tensor).copy()
    place = random.integers(value.size) if value.size else 0
    step = random.choice([-2, -1, 1, 2]) if value.dtype.kind == "i" else random.normal() + 0.2
    value.flat[place] += step
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


def swapped_numbers(graph, random):
    tensor = graph.initializer[random.integers(len(graph.initializer))]
    value = numpy_helper.to_array(tensor)
    shuffled = random.permutation(value.ravel()).reshape(value.shape)
    tensor.CopyFrom(numpy_helper.from_array(shuffled, tensor.name))


def inserted_function(graph, random):
    at = int(random.integers(len(graph.node)))
    _insert(graph, at, lambda name: helper.make_node(str(random.choice(INSERTED)), [name], ["added"]))


def inserted_constant(graph, random):
    at, op = int(random.integers(len(graph.node))), str(random.choice(["Add", "Mul", "Max", "Where"]))
    graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "half"))
    _insert(graph, at, lambda name: helper.make_node(op, [name, "half"], ["added"]))


def inserted_move(graph, random):
    at, axis = int(random.integers(len(graph.node))), int(random.integers(4))
    kind = random.integers(3)
    order = random.permutation(4).tolist()

    def make(name):
        if kind == 0:
            return helper.make_node("Transpose", [name], ["added"], perm=order)
        if kind == 1:
            return helper.make_node("Concat", [name, name], ["added"], axis=axis)
        return helper.make_node("Flatten", [name], ["added"], axis=axis)

    _insert(graph, at, make)


def reversed_axis(graph, random):
    """Samples, parts or channels. Not positions: a map and its mirror image make ties for pooling by norm."""
    at, axis = int(random.integers(len(graph.node))), int(random.integers(2))
    for name, value in (("s", -1), ("e", -(2**62)), ("a", axis), ("d", -1)):
        graph.initializer.append(numpy_helper.from_array(np.array([value]), name))
    _insert(graph, at, lambda name: helper.make_node("Slice", [name, "s", "e", "a", "d"], ["added"]))


def _insert(graph, at, make):
    if any("added" in node.output for node in graph.node):
        return  # one of these in a graph
    node = graph.node[at]
    place = 0
    made = make(node.input[place])
    node.input[place] = "added"
    graph.node.insert(at, made)


EDITS = [
    other_operator,
    other_input,
    other_input,
    swapped_inputs,
    swapped_outputs,
    repeated_input,
    other_attribute,
    other_attribute,
    permuted_attribute,
    other_number,
    other_number,
    swapped_numbers,
    inserted_function,
    inserted_constant,
    inserted_move,
    reversed_axis,
]
