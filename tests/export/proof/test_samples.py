"""Samples treated alike: plain networks are proved, and what mixes, cuts or addresses samples is refused."""

import numpy as np
import pytest
import torch

from export.checks.numeric import samples_alike_errors
from export.graphs import trace
from export.proof import prove, prove_samples_alike
from phasekey.model import build_network

from .graph_builder import Graph, save

C, SIDE = 3, 4
RIGHT, WRONG = 1e-5, 1e-3


@pytest.fixture
def alike(tmp_path):
    """Give the verdict, after measuring that the graph is what it says."""

    def checked(model, measure=True):
        verdict = prove_samples_alike(model)
        if measure:
            error = samples_alike_errors(save(model, tmp_path)).max()
            assert error < RIGHT if verdict.proved else error > WRONG, (verdict, error)
        return verdict

    return checked


def graph(build, rank=4):
    g = Graph(("N", C, SIDE, SIDE))
    return g.model(build(g, "x"), rank=rank)


@pytest.mark.parametrize(("arch", "variant"), [("lenet", None), ("resnet20", "alpha"), ("resnet20", "beta")])
def test_plain_networks_are_proved(alike, arch, variant):
    torch.manual_seed(0)
    network = build_network(
        arch, variant=variant, classes=10, image=(3, 32, 32), form="original", secret="permutation"
    ).eval()
    model = trace(network.processing, {"x": torch.randn(2, *network.feature_shape)}, ["h"])
    verdict = alike(model)
    assert verdict.proved, verdict.failure
    assert "each sample" in str(verdict)
    assert not prove(model).proved  # it commutes with no rotation


RIGHT_GRAPHS = {
    "softmax over channels": lambda g, x: g.node("Softmax", x, axis=1),
    "mean over positions": lambda g, x: g.node("ReduceMean", x, g.const([2, 3]), keepdims=1),
    "a constant for each channel": lambda g, x: g.node("Add", x, g.const(np.ones((1, C, 1, 1)))),
    "positions in another order": lambda g, x: g.node(
        "Slice", x, *map(g.const, ([-1], [-(2**62)], [3], [-1]))
    ),
    "there and back": lambda g, x: g.node(
        "Transpose", g.node("Transpose", x, perm=[1, 0, 2, 3]), perm=[1, 0, 2, 3]
    ),
    "beside itself": lambda g, x: g.node("Concat", x, g.node("Relu", x), axis=1),
}


@pytest.mark.parametrize("name", RIGHT_GRAPHS)
def test_right_graphs_are_proved(alike, name):
    verdict = alike(graph(RIGHT_GRAPHS[name]))
    assert verdict.proved, verdict.failure


def batch_mean(g, x):
    return g.node("Sub", x, g.node("ReduceMean", x, g.const([0]), keepdims=1))


def neighbours(g, x):
    first = g.node("Slice", x, *map(g.const, ([0], [1], [0])))
    rest = g.node("Slice", x, *map(g.const, ([1], [2**62], [0])))
    return g.node("Add", x, g.node("Concat", rest, first, axis=0))


def reversed_samples(g, x):
    return g.node("Slice", x, *map(g.const, ([-1], [-(2**62)], [0], [-1])))


def softmax_over_samples(g, x):
    return g.node("Softmax", x, axis=0)


def running_sum(g, x):
    return g.node("CumSum", x, g.const(np.array(0)))


def addresses_the_first(g, x):
    row = g.node("Gather", x, g.const([0]), axis=0)
    return g.node("Sub", x, row)


def across_the_batch(g, x):
    return g.node("Reshape", g.node("Transpose", x, perm=[1, 0, 2, 3]), g.const([-1, C, SIDE, SIDE]))


def norm_over_all(g, x):
    return g.node("Div", x, g.node("ReduceL2", x, keepdims=1))


def scale_of_the_batch(g, x):
    values, scale, zero = g.node("DynamicQuantizeLinear", g.node("Mul", x, x), outputs=3)
    return g.node("DequantizeLinear", values, scale, zero)


def training_batch_norm(g, x):
    constants = (np.ones(C), np.zeros(C), np.zeros(C), np.ones(C))
    return g.node(
        "BatchNormalization", x, *map(g.const, constants), outputs=3, training_mode=1
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    "build",
    [
        batch_mean,
        neighbours,
        reversed_samples,
        softmax_over_samples,
        running_sum,
        addresses_the_first,
        across_the_batch,
        norm_over_all,
        scale_of_the_batch,
        training_batch_norm,
    ],
    ids=lambda build: build.__name__,
)
def test_what_knows_of_other_samples_is_refused(alike, build):
    verdict = alike(graph(build))
    assert not verdict.proved
    assert verdict.failure is not None


@pytest.mark.parametrize("op", ["RandomNormalLike", "NonZero", "TopK"])
def test_what_has_no_rule_is_refused(op):
    g = Graph(("N", C, SIDE, SIDE))
    extra = [g.const([2])] if op == "TopK" else []
    made = g.node(op, "x", *extra, outputs=2 if op == "TopK" else 1)
    verdict = prove_samples_alike(g.model(made[0] if op == "TopK" else made, rank=4))
    assert not verdict.proved
    assert op in verdict.failure.rule


def test_a_fixed_batch_is_refused():
    g = Graph((4, C, SIDE, SIDE))
    verdict = prove_samples_alike(g.model(g.node("Relu", "x"), rank=4))
    assert "must be open" in verdict.failure.rule
