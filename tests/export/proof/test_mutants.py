"""Wrong graphs, each with one mistake: refused, at the node that makes it, and off in the runtime too."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from . import graph_builder as b
from .graph_builder import FEATURES, HALF, OUTPUTS, SIDE, C, Graph, network


def parts(g, x):
    return g.node("Split", x, outputs=2, axis=1, num_outputs=2)


def halves(g, f):
    return g.node("Split", f, outputs=2, axis=0, num_outputs=2)


def on_halves(change):
    """A stage that does something to each half of a folded tensor and folds them again."""

    def stage(g, f):
        return g.node("Concat", *change(g, *halves(g, f)), axis=0)

    return stage


def with_factor(factor):
    """A stage δ whose factor is computed otherwise: factor(g, f, re, im) -> (N, …)."""
    return lambda g, f: b.times(g, f, factor(g, f, *halves(g, f)))


def elementwise(op, *constants, **attributes):
    return lambda g, f: g.node(op, f, *(g.const(value) for value in constants), **attributes)


def then(first, second):
    return lambda g, f: second(g, first(g, f))


# Folding


def swapped_fold(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", imaginary, real, axis=0)


def conjugate_fold(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", real, g.node("Neg", imaginary), axis=0)


def twice_the_real_part(g, x):
    real, _ = parts(g, x)
    return g.node("Concat", real, real, axis=0)


def interleaved_fold(g, x):
    apart = g.node("Reshape", x, g.const([-1, C, 2, SIDE, SIDE]))
    first = g.node("Transpose", apart, perm=[2, 0, 1, 3, 4])
    return g.node("Reshape", first, g.const([-1, C, SIDE, SIDE]))


def fold_across_samples(g, x):
    return g.node("Reshape", x, g.const([-1, C, SIDE, SIDE]))  # (re, im) of a sample, then of the next


def cut_across_the_halves(g, x):
    pieces = g.const([1, C, C - 1])
    a, middle, c = g.node("Split", x, pieces, outputs=3, axis=1)
    return g.node("Concat", g.node("Concat", a, c, axis=1), middle, axis=0)


def slice_across_the_halves(g, x):
    ends = [(0, C), (C - 1, 2 * C - 1)]
    return g.node("Concat", *(g.node("Slice", x, *map(g.const, ([s], [e], [1]))) for s, e in ends), axis=0)


def gather_in_another_order(g, x):
    mixed = g.node("Gather", x, g.const([0, 1, 2, 4, 3, 5]), axis=1)
    return b.fold(g, mixed)


def other_tensors_imaginary_part(g, x):
    real, imaginary = parts(g, x)
    other = g.node("Conv", imaginary, g.weight(C, C, 1, 1))
    return g.node("Concat", real, other, axis=0)


def constant_on_one_half(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", g.node("Add", real, g.const(0.5)), imaginary, axis=0)


def constant_for_one_half(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", real, g.node("Mul", imaginary, g.const(0.0)), axis=0)


def scale_on_one_half(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", g.node("Mul", real, g.const(1.5)), imaginary, axis=0)


def flip_of_one_half(g, x):
    real, imaginary = parts(g, x)
    turned = g.node("Slice", real, *map(g.const, ([-1], [-100], [3], [-1])))
    return g.node("Concat", turned, imaginary, axis=0)


def channels_of_one_half_reversed(g, x):
    real, imaginary = parts(g, x)
    return g.node("Concat", g.node("Gather", real, g.const([2, 1, 0]), axis=1), imaginary, axis=0)


def neighbouring_samples(g, x):
    first = g.node("Slice", x, *map(g.const, ([0], [1], [0])))
    rest = g.node("Slice", x, *map(g.const, ([1], [2**62], [0])))
    rolled = g.node("Concat", rest, first, axis=0)
    return b.fold(g, g.node("Add", x, rolled))


def mean_over_samples(g, x):
    mean = g.node("ReduceMean", x, g.const([0]), keepdims=1)
    return b.fold(g, g.node("Add", x, mean))


FOLDS = [
    (swapped_fold, "Concat", "imaginary parts after their real parts"),
    (conjugate_fold, "Concat", "imaginary parts after their real parts"),
    (twice_the_real_part, "Concat", "imaginary parts after their real parts"),
    (interleaved_fold, "Reshape", "real and imaginary parts"),
    (fold_across_samples, "Reshape", "mixes or cuts"),
    (cut_across_the_halves, "Split", "mixes or cuts"),
    (slice_across_the_halves, "Slice", "mixes or cuts"),
    (gather_in_another_order, "Gather", "imaginary part of another element"),
    (other_tensors_imaginary_part, None, ""),
    (constant_on_one_half, "Add", "bias"),
    (constant_for_one_half, None, ""),
    (scale_on_one_half, None, ""),
    (flip_of_one_half, None, ""),
    (channels_of_one_half_reversed, None, ""),
    (neighbouring_samples, "Slice", "angle of its own"),
    (mean_over_samples, "ReduceMean", "angle of its own"),
]

# Convolution and normalisation


def biased(g, f):
    return g.node("Conv", f, g.weight(FEATURES, C, 3, 3), g.weight(FEATURES), pads=[1] * 4)


def other_weights(g, real, imaginary):
    return (b.convolution(g, real), b.convolution(g, imaginary))


def other_padding(g, real, imaginary):
    weight = g.weight(FEATURES, C, 3, 3)
    pads = ([1, 1, 1, 1], [2, 1, 0, 1])
    return [g.node("Conv", part, weight, pads=pad) for part, pad in zip((real, imaginary), pads, strict=True)]


def unfolded(weight):
    """Conv on (N, 2C, …) with a full matrix over both parts; weight(g, A, B) -> (2F, 2C, 3, 3)."""

    def stage(g, f):
        x = g.node("Concat", *halves(g, f), axis=1)
        first, second = g.random.normal(size=(2, FEATURES, C, 3, 3)) / 5
        return b.fold(g, g.node("Conv", x, g.const(weight(first, second)), pads=[1] * 4))

    return stage


def matrix(a, b_, c, d):
    return np.concatenate([np.concatenate([a, b_], 1), np.concatenate([c, d], 1)], 0)


def batch_norm(scale, shift, mean):
    def stage(g, f):
        f = b.convolution(g, f)
        values = (np.full(FEATURES, float(v)) for v in (scale, shift, mean, 2.0))
        return g.node("BatchNormalization", f, *map(g.const, values))

    return stage


def batch_norm_on_pairs(g, f):
    x = g.node("Concat", *halves(g, b.convolution(g, f)), axis=1)
    scale, zero = g.const(np.arange(1.0, 2 * FEATURES + 1)), g.const(np.zeros(2 * FEATURES))
    return b.fold(g, g.node("BatchNormalization", x, scale, zero, zero, g.const(np.ones(2 * FEATURES))))


def scale_by_channel_on_pairs(g, f):
    x = g.node("Concat", *halves(g, b.convolution(g, f)), axis=1)
    return b.fold(g, g.node("Mul", x, g.const(np.arange(1.0, 2 * FEATURES + 1).reshape(1, -1, 1, 1))))


def instance_norm(g, f):
    f = b.convolution(g, f)
    ones = g.const(np.ones(FEATURES))
    return g.node("InstanceNormalization", f, ones, g.const(np.zeros(FEATURES)))


def added(g, f):
    return g.node("Add", b.convolution(g, f), g.const(g.random.normal(size=(FEATURES, 1, 1))))


def centred(g, f):
    return g.node("Sub", b.convolution(g, f), g.const(0.3))


def norm_added(g, f):
    f = b.convolution(g, f)
    size = b.norm(g, f)
    return g.node("Add", f, g.node("Concat", size, size, axis=0))


def conjugate_added(g, f):
    f = b.convolution(g, f)
    real, imaginary = halves(g, f)
    return g.node("Add", f, g.node("Concat", real, g.node("Neg", imaginary), axis=0))


def constant_padding(g, f):
    f = b.convolution(g, g.node("Pad", f, g.const([0, 0, 1, 1, 0, 0, 1, 1]), g.const(0.7)))
    return g.node("Slice", f, *map(g.const, ([1, 1], [-1, -1], [2, 3])))


CONVOLUTIONS = [
    (biased, "Conv", "bias"),
    (on_halves(other_weights), None, ""),
    (on_halves(other_padding), None, ""),
    (unfolded(lambda a, c: matrix(a, 0 * a, 0 * a, c)), "Conv", "complex matrix"),
    (unfolded(lambda a, c: matrix(a, c, c, a)), "Conv", "complex matrix"),
    (unfolded(lambda a, c: matrix(a, -c, c, -a)), "Conv", "complex matrix"),
    (batch_norm(1, 0, 0.4), "BatchNormalization", "mean"),
    (batch_norm(1, 0.4, 0), "BatchNormalization", "mean"),
    (batch_norm_on_pairs, "BatchNormalization", "differently"),
    (scale_by_channel_on_pairs, "Mul", "same factor"),
    (instance_norm, "InstanceNormalization", "no rule"),
    (added, "Add", "bias"),
    (centred, "Sub", "bias"),
    (norm_added, "Add", "bias"),
    (conjugate_added, "Concat", "imaginary parts after their real parts"),
    (constant_padding, "Pad", "constant other than zero"),
]

# Activation


def clipped_parts(g, real, imaginary):
    return g.node("Clip", real, g.const(-0.3), g.const(0.3)), imaginary


def choose_by_part(g, f):
    return g.node("Where", g.node("Greater", f, g.const(0.0)), f, g.const(0.0))


def choose_between_half_turns(g, f):
    positive = g.node("Greater", halves(g, f)[0], g.const(0.0))
    both = g.node("Concat", positive, positive, axis=0)
    return g.node("Where", both, f, g.node("Mul", f, g.const(0.5)))


def choose_otherwise_for_each_part(g, f):
    big = g.node("Greater", b.norm(g, f), g.const(0.8))
    both = g.node("Concat", big, g.node("Not", big), axis=0)
    return g.node("Where", both, f, g.const(0.0))


def sum_of_absolutes(g, f, real, imaginary):
    return g.node("Add", g.node("Abs", real), g.node("Abs", imaginary))


def larger_part(g, f, real, imaginary):
    return g.node("Max", g.node("Abs", real), g.node("Abs", imaginary))


def square(op, first, second):
    def factor(g, f, *both):
        one, other = (g.node("Mul", both[i], both[j]) for i, j in (first, second))
        return g.node("Sigmoid", g.node(op, one, other))

    return factor


def one_square(g, f, real, imaginary):
    return g.node("Sqrt", g.node("Mul", real, real))


def squares_of_two_tensors(g, f, real, imaginary):
    other = g.node("Conv", imaginary, g.weight(FEATURES, FEATURES, 1, 1))
    return g.node("Add", g.node("Mul", real, real), g.node("Mul", other, other))


def squares_of_two_samples(g, f, real, imaginary):
    first = g.node("Slice", imaginary, *map(g.const, ([0], [1], [0])))
    return g.node("Add", g.node("Mul", real, real), g.node("Mul", first, first))


def weighted_squares(g, f, real, imaginary):
    one = g.node("Mul", g.node("Mul", real, real), g.const(2.0))
    return g.node("Add", one, g.node("Mul", imaginary, imaginary))


def fourth_powers(g, f, real, imaginary):
    return g.node("Add", *(g.node("Pow", part, g.const(4.0)) for part in (real, imaginary)))


def angle(g, f, real, imaginary):
    return g.node("Atan", g.node("Div", imaginary, real))


def largest_in_pair(g, f, real, imaginary):
    return g.node("ReduceMax", b.apart(g, f), g.const([0]), keepdims=0)


def other_factor_for_each_part(g, f):
    small = g.node("Clip", b.norm(g, f), "", g.const(1.0))
    return g.node("Mul", f, g.node("Concat", small, g.node("Mul", small, small), axis=0))


def factor_in_another_order(g, f):
    small = g.node("Clip", b.norm(g, f), "", g.const(1.0))
    reversed_ = g.node("Slice", small, *map(g.const, ([-1], [-100], [2], [-1])))
    return g.node("Mul", f, g.node("Concat", small, reversed_, axis=0))


def divided(g, f):
    return g.node("Div", g.const(1.0), g.node("Add", f, f))


def complex_square(g, real, imaginary):
    first = g.node("Sub", g.node("Mul", real, real), g.node("Mul", imaginary, imaginary))
    product = g.node("Mul", real, imaginary)
    return first, g.node("Add", product, product)


def whole_numbers(g, f):
    steps = g.node("Cast", g.node("Mul", f, g.const(3.0)), to=TensorProto.INT32)
    return g.node("Cast", steps, to=TensorProto.FLOAT)


def noisy(g, f):
    return g.node("Add", f, g.node("RandomNormalLike", f))


def random_factor_for_each(g, f):
    return g.node("Mul", f, g.node("RandomUniformLike", f))


def branch(g, f):
    out = helper.make_empty_tensor_value_info
    arms = [
        helper.make_graph([helper.make_node(op, [f], [name])], name, [], [out(name)])
        for op, name in (("Relu", "yes"), ("Identity", "no"))
    ]
    return g.node("If", g.const(True, np.bool_), then_branch=arms[0], else_branch=arms[1])


def group_norm(g, f):
    return g.node("LayerNormalization", f, g.const(np.ones((SIDE,))), axis=-1)


def quantised(zero_point, kind, scale=0.02):
    def stage(g, f):
        scaling, zero = g.const(scale), g.const(zero_point, kind)
        f = g.node("Add", f, f)
        return g.node("DequantizeLinear", g.node("QuantizeLinear", f, scaling, zero), scaling, zero)

    return stage


def requantised_around_another_point(g, f):
    scale = g.const(0.02)
    quantised = g.node("QuantizeLinear", f, scale, g.const(128, np.uint8))
    return g.node("DequantizeLinear", quantised, scale, g.const(100, np.uint8))


def dynamic_quantisation(g, f):
    values, scale, zero = g.node("DynamicQuantizeLinear", f, outputs=3)
    return g.node("DequantizeLinear", values, scale, zero)


ELEMENTWISE = [
    "Relu",
    "LeakyRelu",
    "Tanh",
    "Sigmoid",
    "Abs",
    "Exp",
    "HardSwish",
    "Softplus",
    "Erf",
    "Sign",
    "Ceil",
]
ACTIVATIONS = [
    *((elementwise(op), op, "each by itself") for op in ELEMENTWISE),
    (elementwise("Softmax", axis=1), "Softmax", "no rule"),
    (elementwise("Softmax", axis=0), "Softmax", "no rule"),
    (elementwise("LogSoftmax", axis=1), "LogSoftmax", "no rule"),
    (elementwise("LpNormalization", axis=1), "LpNormalization", "no rule"),
    (elementwise("LRN", size=3, alpha=1.0), "LRN", "no rule"),
    (elementwise("CumSum", np.array(0)), "CumSum", "no rule"),
    (elementwise("Min", 0.3), "Min", "each by itself"),
    (elementwise("PRelu", 0.3), "PRelu", "each by itself"),
    (elementwise("Clip", -0.5, 0.5), "Clip", "each by itself"),
    (elementwise("Pow", 3.0), "Pow", "exponent 2"),
    (on_halves(clipped_parts), "Clip", "each by itself"),
    (choose_by_part, "Greater", "each by itself"),
    (choose_between_half_turns, "Greater", "each by itself"),
    (choose_otherwise_for_each_part, "Where", "same factor"),
    (with_factor(sum_of_absolutes), "Abs", "each by itself"),
    (with_factor(larger_part), "Abs", "each by itself"),
    (with_factor(square("Sub", (0, 0), (1, 1))), "Sub", "only their sum"),
    (with_factor(square("Add", (0, 0), (0, 0))), "Sigmoid", "each by itself"),
    (with_factor(square("Add", (0, 1), (0, 1))), "Sigmoid", "each by itself"),
    (with_factor(square("Add", (0, 0), (0, 1))), "Sigmoid", "each by itself"),
    (with_factor(one_square), "Sqrt", "each by itself"),
    (with_factor(squares_of_two_tensors), None, ""),
    (with_factor(squares_of_two_samples), "Slice", "angle of its own"),
    (with_factor(weighted_squares), None, ""),
    (with_factor(fourth_powers), "Pow", "exponent 2"),
    (with_factor(angle), "Div", "turns with the input"),
    (with_factor(largest_in_pair), "ReduceMax", "each by itself"),
    (other_factor_for_each_part, "Mul", "same factor"),
    (factor_in_another_order, "Mul", "same factor"),
    (divided, "Div", "turns with the input"),
    (elementwise("Reciprocal"), "Reciprocal", "each by itself"),
    (lambda g, f: g.node("Mul", f, f), None, ""),
    (on_halves(complex_square), "Sub", "only their sum"),
    (whole_numbers, "Cast", "loses its phase"),
    (noisy, "RandomNormalLike", "no rule"),
    (random_factor_for_each, "RandomUniformLike", "no rule"),
    (branch, "If", "no rule"),
    (group_norm, "LayerNormalization", "no rule"),
    (quantised(20, np.uint8), "QuantizeLinear", "zero point 20"),
    (quantised(0, np.uint8), "QuantizeLinear", "zero point 0"),
    (quantised(-100, np.int8), "QuantizeLinear", "zero point -100"),
    (requantised_around_another_point, "DequantizeLinear", "lie around 128"),
    (dynamic_quantisation, "DynamicQuantizeLinear", "no rule"),
]

# Pooling, linear layer, unfolding


def pool_parts(g, f):
    return g.node("MaxPool", f, kernel_shape=[2, 2], strides=[2, 2])


def by_one_part(half):
    return lambda g, f: b.take(g, f, b.largest(g, halves(g, f)[half]))


def by_square_of_one_part(g, f):
    real, _ = halves(g, f)
    return b.take(g, f, b.largest(g, g.node("Mul", real, real)))


def by_other_positions(g, f):
    where = b.largest(g, b.squared_norm(g, f))
    shifted = g.node("Mod", g.node("Add", where, g.const([1])), g.const([SIDE * SIDE]))
    return b._take(g, f, g.node("Concat", where, shifted, axis=0))


def by_each_part(g, f):
    _, both = g.node("MaxPool", f, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    return b._take(g, f, g.node("Mod", both, g.const([SIDE * SIDE])))


def largest_norms(g, f):
    n = g.node("MaxPool", b.norm(g, f), kernel_shape=[2, 2], strides=[2, 2])
    return g.node("Concat", n, n, axis=0)


def lp_pool(g, f):
    return g.node("LpPool", f, kernel_shape=[2, 2], strides=[2, 2])


def samples_of_largest(g, f):
    """A flat gather, with all indices moved on by one sample."""
    real, imaginary = halves(g, f)
    _, where = g.node("MaxPool", b.squared_norm(g, f), outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    size = g.node("Mul", g.node("Size", real), g.const(1))
    where = g.node("Mod", g.node("Add", where, g.const([FEATURES * SIDE * SIDE])), size)
    flat = (g.node("Reshape", part, g.const([-1])) for part in (real, imaginary))
    return g.node("Concat", *(g.node("Gather", part, where, axis=0) for part in flat), axis=0)


def flat_gather_by(change):
    """Of both halves, by MaxPool's own indices after something was done to them."""

    def stage(g, f):
        n = b.squared_norm(g, f)
        where = change(g, g.node("MaxPool", n, outputs=2, kernel_shape=[2, 2], strides=[2, 2])[1])
        chosen = g.node("Gather", g.node("Reshape", f, g.const([2, -1])), where, axis=1)
        return g.node("Reshape", chosen, g.const([-1, FEATURES, HALF, HALF]))

    return stage


def wrapped(g, where):
    return g.node("Cast", g.node("Cast", where, to=TensorProto.INT8), to=TensorProto.INT64)


def filled_with_zeros(g, where):
    longer = g.node("Pad", where, g.const([0, 0, 1, 0, 0, 0, 0, 0]))
    return g.node("Slice", longer, *map(g.const, ([0], [HALF], [2])))


def of_other_samples(g, where):
    return g.node("Slice", where, *map(g.const, ([-1], [-(2**62)], [0], [-1])))


POOLS = [
    (pool_parts, "MaxPool", "compares real or imaginary parts"),
    (by_one_part(0), "MaxPool", "compares real or imaginary parts"),
    (by_one_part(1), "MaxPool", "compares real or imaginary parts"),
    (by_square_of_one_part, "MaxPool", "compares real or imaginary parts"),
    (by_other_positions, "GatherElements", "same factor"),
    (by_each_part, "MaxPool", "compares real or imaginary parts"),
    (largest_norms, None, ""),
    (lp_pool, "LpPool", "no rule"),
    (samples_of_largest, "Gather", "angle of its own"),
    (flat_gather_by(wrapped), "Gather", "angle of its own"),
    (flat_gather_by(filled_with_zeros), "Gather", "angle of its own"),
    (flat_gather_by(of_other_samples), "Gather", "not known"),
]


def flat(g, f):
    return g.node("Reshape", f, g.const([-1, FEATURES * HALF * HALF]))


def linear_with_bias(g, f):
    return g.node("Gemm", flat(g, f), g.weight(OUTPUTS, FEATURES * HALF * HALF), g.weight(OUTPUTS), transB=1)


def product_and_bias(g, f):
    product = g.node("MatMul", flat(g, f), g.weight(FEATURES * HALF * HALF, OUTPUTS))
    return g.node("Add", product, g.weight(OUTPUTS))


def real_matrix_on_pairs(g, f):
    pairs = g.node("Concat", *halves(g, flat(g, f)), axis=1)
    return b.fold(g, g.node("Gemm", pairs, g.weight(2 * OUTPUTS, 2 * FEATURES * HALF * HALF), transB=1))


LINEARS = [
    (linear_with_bias, "Gemm", "bias"),
    (product_and_bias, "Add", "bias"),
    (then(b.linear, elementwise("Softmax", axis=1)), "Softmax", "no rule"),
    (then(b.linear, elementwise("Relu")), "Relu", "each by itself"),
    (then(b.linear, elementwise("Hardmax")), "Hardmax", "no rule"),
    (real_matrix_on_pairs, "Gemm", "complex matrix"),
]


def swapped_unfold(g, f):
    return g.node("Concat", *reversed(halves(g, f)), axis=1)


def real_part_twice(g, f):
    return g.node("Concat", halves(g, f)[0], halves(g, f)[0], axis=1)


def no_imaginary_part(g, f):
    real, _ = halves(g, f)
    return g.node("Concat", real, g.node("Mul", real, g.const(0.0)), axis=1)


def interleaved_unfold(g, f):
    apart = b.apart(g, f, rank=2)
    last = g.node("Transpose", apart, perm=[1, 2, 0])
    return g.node("Reshape", last, g.const([-1, 2 * OUTPUTS]))


def unfold_by_reshape(g, f):
    return g.node("Reshape", f, g.const([-1, 2 * OUTPUTS]))


def norms_at_last(g, f):
    n = b.norm(g, f, rank=2)
    return g.node("Concat", n, n, axis=1)


def squares_at_last(g, f):
    return b.unfold(g, g.node("Mul", f, f))


def samples_reversed(g, f):
    h = b.unfold(g, f)
    return g.node("Slice", h, *map(g.const, ([-1], [-(2**62)], [0], [-1])))


def sorted_outputs(g, f):
    return g.node("TopK", b.unfold(g, f), g.const([2 * OUTPUTS]), outputs=2, axis=1)[0]


def constant_output(g, f):
    zero = g.node("Mul", b.norm(g, f, rank=2), g.const(0.0))
    one = g.node("Add", zero, g.const(1.0))
    return g.node("Concat", one, one, axis=1)


UNFOLDS = [
    (swapped_unfold, "Concat", "imaginary parts after their real parts"),
    (real_part_twice, "Concat", "imaginary parts after their real parts"),
    (no_imaginary_part, None, ""),
    (interleaved_unfold, "Identity", "lie as"),
    (unfold_by_reshape, "Reshape", "mixes or cuts"),
    (norms_at_last, "Identity", "does not turn"),
    (squares_at_last, "Identity", "does not turn"),
    (samples_reversed, "Slice", "batch"),
    (sorted_outputs, "TopK", "no rule"),
    (constant_output, "Identity", "does not turn"),
]

STAGES = {
    "fold": FOLDS,
    "convolution": CONVOLUTIONS,
    "delta": ACTIVATIONS,
    "pool": POOLS,
    "linear": LINEARS,
    "unfold": UNFOLDS,
}
MUTANTS = [
    pytest.param(stage, *mutant, id=f"{stage}-{at}-{getattr(mutant[0], '__name__', '')}-{mutant[1]}")
    for stage, mutants in STAGES.items()
    for at, mutant in enumerate(mutants)
]


@pytest.mark.parametrize(("stage", "wrong", "op", "rule"), MUTANTS)
def test_a_mutant_is_refused_where_it_is_wrong(check, stage, wrong, op, rule) -> None:
    verdict = check(network(**{stage: wrong}), equivariant=False)
    assert not verdict.proved
    assert verdict.failure is not None
    assert op is None or (verdict.failure.op, rule in verdict.failure.rule) == (op, True), verdict


def test_there_are_dozens() -> None:
    assert len(MUTANTS) >= 100


def test_a_graph_of_one_weight_is_no_processing_module(check) -> None:
    g = Graph(("N", 2 * OUTPUTS))
    assert not check(g.model(g.node("Add", "x", g.const(np.ones(2 * OUTPUTS)))), equivariant=False).proved


def test_onnx_accepts_the_mutants_as_graphs() -> None:
    onnx.checker.check_model(network(delta=branch))
