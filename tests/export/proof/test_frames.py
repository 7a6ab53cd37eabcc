"""Frames: MatMul of two tensors that hold a matrix for each sample; wrong frames with one mistake each."""

import numpy as np
import pytest
import torch

from export.checks.numeric import samples_alike_errors
from export.graphs import trace
from export.proof import Group, prove, prove_samples_alike
from phasekey.model import build_network

from .graph_builder import Graph, save

C, SIDE, OUTPUTS = 3, 4, 5
PLACES = C * SIDE * SIDE
SIZES = [2, 4, 8]


def orthogonal(components):
    return Group(components, reflections=True)


class Framed(Graph):
    """V · net(VᵀX) by hand: V = A(I + AᵀA), A = XG / |XG|."""

    def __init__(self, components):
        super().__init__(("N", components * C, SIDE, SIDE))
        self.k = components

    def rows(self, x):
        return self.node("Reshape", x, self.const([-1, self.k, PLACES]))

    def turned(self, x):
        return self.node("Transpose", x, perm=[0, 2, 1])

    def start(self, rows):
        return self.node("MatMul", rows, self.weight(PLACES, self.k))

    def scaled(self, a):
        gram = self.node("MatMul", self.turned(a), a)
        size = self.node("ReduceSum", self.node("Abs", gram), self.const([1, 2]), keepdims=1)
        return self.node("Div", a, self.node("Sqrt", size))

    def frame(self, a):
        a = self.scaled(a)
        gram = self.node("MatMul", self.turned(a), a)
        return self.node("Add", a, self.node("MatMul", a, gram))

    def network(self, apart):
        return self.node("Relu", self.node("MatMul", apart, self.weight(PLACES, OUTPUTS)))

    def answer(self, mixed):
        return self.model(self.node("Reshape", mixed, self.const([-1, self.k * OUTPUTS])))


def right(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    apart = g.node("MatMul", g.turned(frame), rows)
    sign = g.node("Sign", g.node("ReduceSum", apart, g.const([2]), keepdims=1))
    answers = g.network(g.node("Mul", apart, sign))
    return g.answer(g.node("MatMul", frame, g.node("Mul", answers, sign)))


@pytest.mark.parametrize("components", SIZES)
def test_a_right_frame_is_proved(check, components):
    verdict = check(right(Framed(components)), group=orthogonal(components), tolerance=1e-4)
    assert verdict.proved, verdict.failure


def sign_of_what_turns(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    sign = g.node("Sign", g.node("ReduceSum", rows, g.const([2]), keepdims=1))
    apart = g.node("Mul", g.node("MatMul", g.turned(frame), rows), sign)
    return g.answer(g.node("MatMul", frame, g.network(apart)))


def start_from_the_wrong_side(g):
    rows = g.rows("x")
    mixed = g.node("MatMul", g.weight(g.k, g.k), rows)
    frame = g.frame(g.start(mixed))
    return g.answer(g.node("MatMul", frame, g.network(g.node("MatMul", g.turned(frame), rows))))


def a_row_left_out(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    first = g.const([0]), g.const([g.k - 1]), g.const([1])
    fewer = g.node("MatMul", g.turned(g.node("Slice", frame, *first)), g.node("Slice", rows, *first))
    return g.answer(g.node("MatMul", frame, g.network(fewer)))


def frame_not_transposed(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    return g.answer(g.node("MatMul", frame, g.network(g.node("MatMul", frame, rows))))


def frame_and_a_constant(g):
    rows = g.rows("x")
    frame = g.node("Add", g.frame(g.start(rows)), g.const(np.eye(g.k)))
    return g.answer(g.node("MatMul", frame, g.network(g.node("MatMul", g.turned(frame), rows))))


def frame_of_another_sample(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    first, others = (
        g.node("Slice", frame, g.const([start]), g.const([end]), g.const([0]))
        for start, end in ((0, 1), (1, 2**31))
    )
    other = g.node("Concat", others, first, axis=0)
    return g.answer(g.node("MatMul", other, g.network(g.node("MatMul", g.turned(other), rows))))


def gram_of_two_samples(g):
    rows = g.rows("x")
    frame = g.frame(g.start(rows))
    flat = g.node("Reshape", frame, g.const([1, -1, g.k]))  # all samples as one matrix
    gram = g.node("MatMul", g.turned(flat), flat)
    return g.answer(g.node("MatMul", frame, g.node("MatMul", gram, g.network(g.rows("x")))))


def a_matrix_for_each_component(g):
    rows = g.node("Reshape", g.rows("x"), g.const([-1, g.k, C, SIDE * SIDE]))
    x = g.node("Transpose", rows, perm=[1, 0, 2, 3])
    squares = g.node("ReduceSum", g.node("Mul", rows, rows), g.const([1, 2]), keepdims=1)  # (N, 1, 1, P)
    many = g.node("Expand", squares, g.const([1, g.k, OUTPUTS, SIDE * SIDE]))
    own = g.node("Mul", many, g.weight(1, g.k, OUTPUTS, SIDE * SIDE))  # differs from component to component
    out = g.node("MatMul", x, g.node("Transpose", own, perm=[1, 0, 3, 2]))
    return g.model(g.node("Reshape", g.node("Transpose", out, perm=[1, 0, 2, 3]), g.const([0, -1])))


MUTANTS = [
    sign_of_what_turns,
    start_from_the_wrong_side,
    a_row_left_out,
    frame_not_transposed,
    frame_and_a_constant,
    frame_of_another_sample,
    gram_of_two_samples,
    a_matrix_for_each_component,
]


@pytest.mark.parametrize("components", SIZES)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_frame_is_not_proved(check, mutant, components):
    verdict = check(mutant(Framed(components)), group=orthogonal(components))
    assert not verdict.proved


def test_samples_of_a_frame_are_treated_alike_and_those_of_a_wrong_one_are_not(tmp_path):
    verdict = prove_samples_alike(right(Framed(4)))
    assert verdict.proved, verdict.failure
    for mutant in (frame_of_another_sample, gram_of_two_samples):
        model = mutant(Framed(4))
        assert samples_alike_errors(save(model, tmp_path)).max() > 1e-3
        assert not prove_samples_alike(model).proved


@pytest.mark.parametrize("components", [2, 4])
def test_the_canonical_form_is_proved_for_reflections_and_for_samples(components):
    network = build_network(
        "lenet", classes=10, image=(3, 32, 32), form="canonical", secret="orthogonal", decoy="archive",
        components=components,
    ).eval()  # fmt: skip
    network.processing.frame.steps = 2  # the others are like the second
    x = torch.randn(2, components * 6, 14, 14)
    model = trace(network.processing, {"x": x}, ["h"])
    verdict = prove(model, group=orthogonal(components))
    assert verdict.proved, verdict.failure
    assert prove_samples_alike(model).proved
