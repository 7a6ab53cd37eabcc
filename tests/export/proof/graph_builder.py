"""Small ONNX graphs, written stage by stage, and the stages of a right one.

The network is a LeNet in small: fold, convolution, δ, pooling by norm, linear layer, unfold. Each stage is
a function (Graph, tensor name) -> tensor name; a test swaps one for a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

C, SIDE, FEATURES, OUTPUTS = 3, 6, 4, 5  # complex channels in, positions, channels within, numbers out
HALF = SIDE // 2

Stage = Callable[["Graph", str], str]


class Graph:
    """A graph in the making. Names count up: t0, t1, …; weights are drawn from a fixed seed."""

    def __init__(self, shape=("N", 2 * C, SIDE, SIDE), *, opset=20, dtype=TensorProto.FLOAT, seed=0):
        self.shape, self.opset, self.dtype = list(shape), opset, dtype
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.out: str | None = None  # the last node's, where a test keeps it

    def const(self, value, dtype=None):
        """A stored constant: float32, or int64 where the numbers are whole."""
        value = np.asarray(value)
        kind = dtype or (np.int64 if value.dtype.kind == "i" else np.float32)
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value.astype(kind, order="C"), name))
        return name

    def weight(self, *shape):
        return self.const(self.random.normal(size=shape) / np.sqrt(np.prod(shape[1:])))

    def node(self, op, *inputs, outputs=1, **attributes):
        """Append a node; the name of its output, or the names."""
        names = [f"t{len(self.nodes)}{'abcdef'[i] if outputs > 1 else ''}" for i in range(outputs)]
        domain = attributes.pop("domain", "")
        made = helper.make_node(op, inputs, names, f"{op}_{len(self.nodes)}", domain=domain, **attributes)
        self.nodes.append(made)
        return names[0] if outputs == 1 else names

    def model(self, *outputs, rank=2, extra_inputs=()):
        """The finished model; its outputs are renamed h, h1, ….  Their sizes stay undeclared."""
        for at, output in enumerate(outputs):
            name = "h" + (str(at) if at else "")
            self.nodes.append(helper.make_node("Identity", [output], [name], f"out_{at}"))
        names = ["h" + (str(at) if at else "") for at in range(len(outputs))]
        body = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info("x", self.dtype, self.shape), *extra_inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name in names],
            initializer=self.weights,
        )
        return helper.make_model(body, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


# Stages of a right network.


def fold(g, x):
    return g.node("Concat", *g.node("Split", x, outputs=2, axis=1, num_outputs=2), axis=0)


def unfold(g, f):
    return g.node("Concat", *g.node("Split", f, outputs=2, axis=0, num_outputs=2), axis=1)


def convolution(g, f, channels=C):
    return g.node("Conv", f, g.weight(FEATURES, channels, 3, 3), pads=[1, 1, 1, 1])


def apart(g, f, rank=4):
    """(2N, …) -> (2, N, …)."""
    return g.node("Reshape", f, g.const([2, -1, *KNOWN[rank]]))


def together(g, f, rank=4):
    """(2, N, …) -> (2N, …)."""
    return g.node("Reshape", f, g.const([-1, *KNOWN[rank]]))


KNOWN = {4: (FEATURES, SIDE, SIDE), 2: (OUTPUTS,)}


def squared_norm(g, f, rank=4):
    return g.node("ReduceSum", apart(g, g.node("Mul", f, f), rank), g.const([0]), keepdims=0)


def norm(g, f, rank=4):
    return g.node("Sqrt", g.node("Clip", squared_norm(g, f, rank), g.const(1e-12)))


def times(g, f, factor, rank=4):
    return together(g, g.node("Mul", apart(g, f, rank), factor), rank)


def delta(g, f):
    return times(g, f, g.node("Clip", norm(g, f), "", g.const(1.0)))


def largest(g, n):
    """Positions of the largest of each 2×2 window, in a flattened map: torch's form."""
    _, flat = g.node("MaxPool", n, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    _, own = g.node("MaxPool", n, outputs=2, kernel_shape=[1, 1])
    first = g.node("Slice", own, g.const([0, 0]), g.const([1, 1]), g.const([2, 3]))
    return g.node("Sub", flat, first)


def take(g, f, where):
    """The elements of f at these positions, one index for both halves."""
    both = g.node("Concat", where, where, axis=0)
    return _take(g, f, both)


def _take(g, f, both):
    flat = g.node("Reshape", f, g.const([-1, FEATURES, SIDE * SIDE]))
    index = g.node("Reshape", both, g.const([-1, FEATURES, HALF * HALF]))
    chosen = g.node("GatherElements", flat, index, axis=2)
    return g.node("Reshape", chosen, g.const([-1, FEATURES, HALF, HALF]))


def max_pool(g, f):
    return take(g, f, largest(g, squared_norm(g, f)))


def linear(g, f):
    flat = g.node("Reshape", f, g.const([-1, FEATURES * HALF * HALF]))
    return g.node("Gemm", flat, g.weight(OUTPUTS, FEATURES * HALF * HALF), transB=1)


STAGES = {
    "fold": fold,
    "convolution": convolution,
    "delta": delta,
    "pool": max_pool,
    "linear": linear,
    "unfold": unfold,
}


def network(opset=20, **swapped: Stage) -> onnx.ModelProto:
    """The small network, with some stages swapped for others of the same shapes."""
    g, tensor = Graph(opset=opset), "x"
    for stage in (STAGES | swapped).values():
        tensor = stage(g, tensor)
    return g.model(tensor)


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "graph.onnx"
    onnx.save(model, path)
    return path
