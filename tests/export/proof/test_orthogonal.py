"""The proof about O(k), reflections too: right graphs of k components, and wrong ones with one mistake."""

import numpy as np
import pytest

from export.proof import Group, prove

from .graph_builder import Graph

C, SIDE, FEATURES = 3, 4, 4
SIZES = [2, 4, 8]


def orthogonal(components):
    return Group(components, reflections=True)


class Network(Graph):
    """A small network on k components, written stage by stage: streams, as most networks are lowered."""

    def __init__(self, components):
        super().__init__(("N", components * C, SIDE, SIDE))
        self.k = components

    def apart(self, x):
        return list(self.node("Split", x, outputs=self.k, axis=1, num_outputs=self.k))

    def joined(self, parts):
        return self.node("Concat", *parts, axis=1)

    def convolutions(self, parts, channels=C):
        weight = self.weight(FEATURES, channels, 3, 3)
        return [self.node("Conv", part, weight, pads=[1] * 4) for part in parts]

    def norm(self, parts):
        squares = [self.node("Mul", part, part) for part in parts]
        total = squares[0]
        for square in squares[1:]:
            total = self.node("Add", total, square)
        return self.node("Sqrt", total)

    def delta(self, parts, norm=None):
        factor = self.node("Clip", norm or self.norm(parts), "", self.const(1.0))
        return [self.node("Mul", part, factor) for part in parts]

    def node(self, op, *inputs, outputs=1, **attributes):
        if outputs <= 6:
            return super().node(op, *inputs, outputs=outputs, **attributes)
        names = [f"t{len(self.nodes)}_{at}" for at in range(outputs)]
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, names, f"{op}_{len(self.nodes)}", **attributes))
        return names


def network(components, change=lambda g, parts: parts, last=lambda g, parts: parts):
    """Convolution, δ, a residual sum; `change` acts before the sum, on one branch alone."""
    g = Network(components)
    parts = g.delta(g.convolutions(g.apart("x")))
    branch = change(g, g.convolutions(parts, FEATURES))
    sums = [g.node("Add", one, other) for one, other in zip(parts, branch, strict=True)]
    return g.model(g.joined(last(g, sums)), rank=4)


@pytest.mark.parametrize("components", [2, 3, 4, 8])
def test_a_right_network_is_proved(check, components):
    verdict = check(network(components), group=orthogonal(components))
    assert verdict.proved, verdict.failure
    assert verdict.group == f"O({components})"
    assert f"matrix of O({components})" in str(verdict)


def stacked(g, x):
    """(N, kC, …) -> folded to the batch, δ by ReduceL2, and back: the other form."""
    f = g.node("Concat", *g.apart(x), axis=0)
    f = g.node("Conv", f, g.weight(FEATURES, C, 3, 3), pads=[1] * 4)
    view = g.node("Reshape", f, g.const([g.k, -1, FEATURES, SIDE, SIDE]))
    norm = g.node("ReduceL2", view, g.const([0]), keepdims=0)
    scaled = g.node("Mul", view, g.node("Clip", norm, "", g.const(1.0)))
    back = g.node("Reshape", scaled, g.const([-1, FEATURES, SIDE, SIDE]))
    return g.node("Concat", *g.node("Split", back, outputs=g.k, axis=0, num_outputs=g.k), axis=1)


@pytest.mark.parametrize("components", SIZES)
def test_the_stacked_form_is_proved_too(check, components):
    g = Network(components)
    assert check(g.model(stacked(g, "x"), rank=4), group=orthogonal(components)).proved


@pytest.mark.parametrize("components", SIZES)
def test_grouped_weights_with_equal_blocks_are_proved(check, components):
    g = Network(components)
    block = g.random.normal(size=(FEATURES, C, 3, 3))
    equal = g.const(np.concatenate([block] * components))
    assert check(
        g.model(g.node("Conv", "x", equal, group=components, pads=[1] * 4), rank=4),
        group=orthogonal(components),
    ).proved


# Mutants. Each of them for every k.


def weight_that_differs_between_blocks(g, parts):
    own = g.convolutions(parts[-1:], FEATURES)
    return [*g.convolutions(parts[:-1], FEATURES), *own]


def norm_that_leaves_a_block_out(g, parts):
    return g.delta(parts, g.norm(parts[:-1]))


def norm_that_counts_a_block_twice(g, parts):
    return g.delta(parts, g.norm([*parts, parts[0]]))


def blocks_swapped_in_one_branch(g, parts):
    return [parts[1], parts[0], *parts[2:]]


def blocks_rotated_in_one_branch(g, parts):
    return [*parts[1:], parts[0]]


def sign_of_one_block(g, parts):
    return [g.node("Neg", parts[0]), *parts[1:]]


def scale_of_one_block(g, parts):
    return [g.node("Mul", parts[0], g.const(1.5)), *parts[1:]]


def bias_on_one_block(g, parts):
    return [g.node("Add", parts[0], g.const(0.5)), *parts[1:]]


def one_block_for_two(g, parts):
    return [parts[0], parts[0], *parts[2:]]


def cross_product_of_two_blocks(g, parts):
    """x₀y₁ - x₁y₀ turns with no rotation of a pair, and changes its sign with a reflection."""
    others = g.convolutions(parts, FEATURES)
    first = g.node("Mul", parts[0], others[1])
    cross = g.node("Sub", first, g.node("Mul", parts[1], others[0]))
    return [g.node("Mul", part, g.node("Sigmoid", cross)) for part in parts]


def norm_of_two_tensors(g, parts):
    others = g.convolutions(parts, FEATURES)
    return g.delta(parts, g.norm([*parts[:-1], others[-1]]))


def weighted_norm(g, parts):
    heavier = g.node("Mul", parts[0], g.const(2.0))
    return g.delta(parts, g.norm([heavier, *parts[1:]]))


def relu_on_one_block(g, parts):
    return [g.node("Relu", parts[0]), *parts[1:]]


def largest_block(g, parts):
    return g.delta(parts, g.node("Max", *(g.node("Abs", part) for part in parts)))


MUTANTS = [
    weight_that_differs_between_blocks,
    norm_that_leaves_a_block_out,
    norm_that_counts_a_block_twice,
    blocks_swapped_in_one_branch,
    blocks_rotated_in_one_branch,
    sign_of_one_block,
    scale_of_one_block,
    bias_on_one_block,
    one_block_for_two,
    cross_product_of_two_blocks,
    norm_of_two_tensors,
    weighted_norm,
    relu_on_one_block,
    largest_block,
]


@pytest.mark.parametrize("components", SIZES)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_refused_and_off_in_the_runtime(check, mutant, components):
    assert not check(network(components, mutant), group=orthogonal(components)).proved


@pytest.mark.parametrize("components", SIZES)
def test_blocks_in_another_order_at_the_end_are_refused(check, components):
    verdict = check(network(components, last=blocks_swapped_in_one_branch), group=orthogonal(components))
    assert not verdict.proved
    assert verdict.failure.op == "Concat"


@pytest.mark.parametrize("components", SIZES)
def test_grouped_weights_with_one_block_of_its_own_are_refused(check, components):
    g = Network(components)
    block = g.random.normal(size=(FEATURES, C, 3, 3))
    blocks = [block] * (components - 1) + [block + 0.1]
    model = g.model(
        g.node("Conv", "x", g.const(np.concatenate(blocks)), group=components, pads=[1] * 4), rank=4
    )
    verdict = check(model, group=orthogonal(components))
    assert not verdict.proved
    assert "equal blocks" in verdict.failure.rule


@pytest.mark.parametrize("components", SIZES)
def test_a_stacked_norm_that_leaves_a_block_out_is_refused(check, components):
    g = Network(components)
    f = g.node("Concat", *g.apart("x"), axis=0)
    view = g.node("Reshape", f, g.const([components, -1, C, SIDE, SIDE]))
    some = g.node("Slice", view, *map(g.const, ([0], [components - 1], [0])))
    norm = g.node("ReduceL2", some, g.const([0]), keepdims=0)
    back = g.node("Reshape", g.node("Mul", view, norm), g.const([-1, C, SIDE, SIDE]))
    split = g.node("Split", back, outputs=components, axis=0, num_outputs=components)
    model = g.model(g.node("Concat", *split, axis=1), rank=4)
    assert not check(model, group=orthogonal(components)).proved


# What rotations allow and reflections do not.


def complex_weights(g, x):
    first, second = g.random.normal(size=(2, FEATURES, C, 3, 3)) / 5
    whole = np.concatenate([np.concatenate([first, -second], 1), np.concatenate([second, first], 1)], 0)
    return g.node("Conv", x, g.const(whole), pads=[1] * 4)


def times_i(g, x):
    real, imaginary = g.apart(x)
    return g.joined([g.node("Neg", imaginary), real])


@pytest.mark.parametrize("build", [complex_weights, times_i])
def test_what_knows_a_handedness_is_right_for_rotations_and_wrong_for_reflections(check, build):
    g = Network(2)
    model = g.model(build(g, "x"), rank=4)
    assert check(model).proved
    assert not check(model, group=orthogonal(2)).proved


def test_another_number_of_components_is_refused():
    assert "8 components" in prove(network(3), group=orthogonal(8)).failure.rule
    assert not prove(network(2), group=orthogonal(3)).proved


def test_what_commutes_with_o_4_commutes_with_o_2_on_pairs_of_blocks(check):
    """O(2) acts on (N, 2·2C, …) within O(4); the proof sees the smaller group's parts alone, and refuses."""
    model = network(4)
    assert check(model, group=orthogonal(4)).proved
    assert not check(model, equivariant=True, group=orthogonal(2)).proved
