"""Right graphs, written in the ways that exporters and people write them: proved, and right when run."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from export.proof import Layout, prove

from . import graph_builder as b
from .graph_builder import FEATURES, HALF, OUTPUTS, SIDE, C, Graph, network

# Folding


def fold_by_transpose(g, x):
    pairs = g.node("Reshape", x, g.const([-1, 2, C, SIDE, SIDE]))
    first = g.node("Transpose", pairs, perm=[1, 0, 2, 3, 4])
    return g.node("Reshape", first, g.const([-1, C, SIDE, SIDE]))


def fold_by_slices(g, x):
    axis = g.const([1])
    real = g.node("Slice", x, g.const([0]), g.const([C]), axis)
    imaginary = g.node("Slice", x, g.const([-C]), g.const([2**63 - 1]), axis)
    return g.node("Concat", real, imaginary, axis=0)


def fold_by_gather(g, x):
    indices = g.const(range(C)), g.const(range(C, 2 * C))
    return g.node("Concat", *(g.node("Gather", x, index, axis=1) for index in indices), axis=0)


def fold_by_pair_axis(g, x):
    pairs = g.node("Reshape", x, g.const([-1, 2, C, SIDE, SIDE]))
    halves = (g.node("Gather", pairs, g.const(part), axis=1) for part in (0, 1))
    return g.node("Concat", *halves, axis=0)


def fold_with_computed_shape(g, x):
    """Shape, Gather, Div, Concat: what exporters write for a batch that they leave open."""
    shape = g.node("Shape", x)
    batch, channels = (g.node("Gather", shape, g.const(axis), axis=0) for axis in (0, 1))
    half = g.node("Div", channels, g.const(2))
    one = [g.node("Unsqueeze", size, g.const([0])) for size in (batch, half)]
    rest = g.node("Slice", shape, g.const([2]), g.const([4]))
    pairs = g.node("Reshape", x, g.node("Concat", one[0], g.const([2]), one[1], rest, axis=0))
    first = g.node("Transpose", pairs, perm=[1, 0, 2, 3, 4])
    double = g.node("Mul", one[0], g.const([2]))
    return g.node("Reshape", first, g.node("Concat", double, one[1], rest, axis=0))


def half_turn(g, x):
    real, imaginary = g.node("Split", x, outputs=2, axis=1, num_outputs=2)
    return g.node("Concat", g.node("Neg", imaginary), real, axis=0)  # i·x


def channels_reversed(g, x):
    return b.fold(g, g.node("Gather", x, g.const([2, 1, 0, 5, 4, 3]), axis=1))


def every_sample_twice(g, x):
    twice = g.node("Concat", x, x, axis=0)
    return b.fold(g, g.node("Split", twice, outputs=2, axis=0, num_outputs=2)[1])


# Convolution and normalisation


def halves(g, f):
    return g.node("Split", f, outputs=2, axis=0, num_outputs=2)


def two_convolutions(g, f):
    weight = g.weight(FEATURES, C, 3, 3)
    parts = (g.node("Conv", part, weight, pads=[1] * 4) for part in halves(g, f))
    return g.node("Concat", *parts, axis=0)


def equal_weights_stored_twice(g, f):
    weight = g.random.normal(size=(FEATURES, C, 3, 3))
    parts = (g.node("Conv", part, g.const(weight), pads=[1] * 4) for part in halves(g, f))
    return g.node("Concat", *parts, axis=0)


def two_groups(g, f):
    weight = g.random.normal(size=(FEATURES, C, 3, 3))
    x = g.node("Concat", *halves(g, f), axis=1)
    return b.fold(g, g.node("Conv", x, g.const(np.concatenate([weight, weight])), group=2, pads=[1] * 4))


def complex_weights(g, f):
    (real, imaginary), (A, B) = halves(g, f), (g.weight(FEATURES, C, 3, 3) for _ in "AB")

    def conv(part, weight):
        return g.node("Conv", part, weight, pads=[1] * 4)

    new_real = g.node("Sub", conv(real, A), conv(imaginary, B))
    new_imaginary = g.node("Add", conv(imaginary, A), conv(real, B))
    return g.node("Concat", new_real, new_imaginary, axis=0)


def complex_matrix(g, f):
    A, B = g.random.normal(size=(2, FEATURES, C, 3, 3))
    matrix = np.concatenate([np.concatenate([A, -B], 1), np.concatenate([B, A], 1)], 0)
    x = g.node("Concat", *halves(g, f), axis=1)
    return b.fold(g, g.node("Conv", x, g.const(matrix), pads=[1] * 4))


def zero_bias(g, f):
    return g.node("Conv", f, g.weight(FEATURES, C, 3, 3), g.const(np.zeros(FEATURES)), pads=[1] * 4)


def batch_norm(g, f):
    zero = g.const(np.zeros(FEATURES))
    scale, level = (g.const(g.random.uniform(0.5, 2, FEATURES)) for _ in "sl")
    return g.node("BatchNormalization", b.convolution(g, f), scale, zero, zero, level)


def batch_norm_on_pairs(g, f):
    x = g.node("Concat", *halves(g, b.convolution(g, f)), axis=1)
    scale, level = (g.const(np.tile(g.random.uniform(0.5, 2, FEATURES), 2)) for _ in "sl")
    zero = g.const(np.zeros(2 * FEATURES))
    return b.fold(g, g.node("BatchNormalization", x, scale, zero, zero, level))


def residual(g, f):
    f = b.convolution(g, f)
    return g.node("Add", f, b.convolution(g, b.delta(g, f), FEATURES))


def dense_block(g, f):
    """Channels joined on pairs: the second half of the first, then of the second."""
    (re1, im1), (re2, im2) = (halves(g, b.convolution(g, f)) for _ in "12")
    wide = g.node("Concat", re1, re2, im1, im2, axis=1)
    return b.convolution(g, b.fold(g, wide), 2 * FEATURES)


def padded(g, f):
    f = g.node("Pad", f, g.const([1, 1, 1, 1]), "", g.const([2, 3]))
    return g.node("Conv", f, g.weight(FEATURES, C, 3, 3))


def standard_weights(g, f):
    """Weights divided by their norm in the graph: still constants."""
    weight = g.weight(FEATURES, C, 3, 3)
    size = g.node("ReduceL2", weight, g.const([1, 2, 3]), keepdims=1)
    return g.node("Conv", f, g.node("Div", weight, size), pads=[1] * 4)


def half_precision(g, f):
    small = g.node("Cast", f, to=TensorProto.FLOAT16)
    return b.convolution(g, g.node("Cast", small, to=TensorProto.FLOAT))


# Activation


def norm_of_halves(g, f):
    real, imaginary = halves(g, f)
    return g.node("Add", g.node("Mul", real, real), g.node("Mul", imaginary, imaginary))


def small_factor(g, squared):
    return g.node("Clip", g.node("Sqrt", squared), "", g.const(1.0))


def by_halves(g, f):
    factor = small_factor(g, norm_of_halves(g, f))
    return g.node("Concat", *(g.node("Mul", part, factor) for part in halves(g, f)), axis=0)


def by_computing_twice(g, f):
    """Each half with a factor of its own computation: equal, under other names."""
    parts = (g.node("Mul", small_factor(g, norm_of_halves(g, f)), part) for part in halves(g, f))
    return g.node("Concat", *parts, axis=0)


def by_powers(g, f):
    real, imaginary = (g.node("Pow", part, g.const(2.0)) for part in halves(g, f))
    return b.times(g, f, small_factor(g, g.node("Sum", imaginary, real)))


def by_reduction(op, root):
    def stage(g, f):
        size = g.node(op, b.apart(g, f), g.const([0]), keepdims=0)
        size = g.node("Sqrt", size) if root else size
        return b.times(g, f, g.node("Min", size, g.const(1.0)))

    return stage


def by_unstacking(g, f):
    """Slice and Squeeze of the pair axis."""
    apart, axes = b.apart(g, f), g.const([0])
    slices = (g.node("Slice", apart, g.const([i]), g.const([i + 1]), axes) for i in (0, 1))
    real, imaginary = (g.node("Squeeze", part, axes) for part in slices)
    squared = g.node("Add", g.node("Mul", real, real), g.node("Mul", imaginary, imaginary))
    return b.times(g, f, small_factor(g, squared))


def literal(g, f):
    """|f| / max(|f|, c) · f, with c the mean norm of the channel."""
    size = b.norm(g, f)
    mean = g.node("ReduceMean", size, g.const([2, 3]), keepdims=1)
    return b.times(g, f, g.node("Div", size, g.node("Max", size, mean)))


def doubled_factor(double):
    return lambda g, f: g.node("Mul", f, double(g, small_factor(g, b.squared_norm(g, f))))


def expanded(g, factor):
    wide = g.node("Expand", g.node("Unsqueeze", factor, g.const([0])), g.const([2, 1, 1, 1, 1]))
    return g.node("Reshape", wide, g.const([-1, FEATURES, SIDE, SIDE]))


def chosen_by_norm(g, f):
    big = g.node("Greater", b.norm(g, f), g.const(0.8))
    return b.together(g, g.node("Where", big, b.apart(g, f), g.const(0.0)))


def chosen_by_norm_in_halves(g, f):
    big = g.node("Greater", b.norm(g, f), g.const(0.8))
    parts = (g.node("Where", big, part, g.node("Mul", part, g.const(0.1))) for part in halves(g, f))
    return g.node("Concat", *parts, axis=0)


def squeeze_and_excite(g, f):
    """A gate made by layers with bias and softmax: of norms, all is allowed."""
    means = g.node("GlobalAveragePool", b.norm(g, f))
    hidden = g.node("Relu", g.node("Conv", means, g.weight(2, FEATURES, 1, 1), g.weight(2)))
    gate = g.node("Conv", hidden, g.weight(FEATURES, 2, 1, 1), g.weight(FEATURES))
    return b.times(g, f, g.node("Exp", g.node("LogSoftmax", gate, axis=1)))


def inner_product(g, f):
    """Re(v conj(w)) of two turning tensors is invariant as well."""
    other = g.node("Conv", f, g.weight(FEATURES, FEATURES, 1, 1))
    product = g.node("ReduceSum", b.apart(g, g.node("Mul", f, other)), g.const([0]), keepdims=0)
    return b.times(g, f, g.node("Tanh", product))


def mean_square_around(g, f):
    """The mean of the squares over neighbours, before both parts are summed."""
    squares = g.node("AveragePool", g.node("Mul", f, f), kernel_shape=[3, 3], pads=[1] * 4)
    total = g.node("ReduceSum", b.apart(g, squares), g.const([0]), keepdims=0)
    return b.times(g, f, g.node("Reciprocal", g.node("Sqrt", total)))


def dropout(g, f):
    return g.node("Dropout", f, g.const(0.5))


# Pooling, linear layer, unfolding


def first_indices(g, f):
    n = b.squared_norm(g, f)
    return g.node("MaxPool", n, outputs=2, kernel_shape=[2, 2], strides=[2, 2])[1]


def flat_gather(g, f):
    """MaxPool's own indices, on both halves laid flat at once."""
    flat = g.node("Reshape", f, g.const([2, -1]))
    chosen = g.node("Gather", flat, first_indices(g, f), axis=1)
    return g.node("Reshape", chosen, g.const([-1, FEATURES, HALF, HALF]))


def flat_gather_of_each(g, f):
    where = first_indices(g, f)
    flat = (g.node("Reshape", part, g.const([-1])) for part in halves(g, f))
    return g.node("Concat", *(g.node("Gather", part, where, axis=0) for part in flat), axis=0)


def compared(g, f):
    """Select of larger neighbours, by Slice and Where, first along one axis and then the other."""
    for axis in (3, 2):
        one, other = (g.node("Slice", f, *(g.const([v]) for v in (start, SIDE, axis, 2))) for start in (0, 1))
        squares = [norm_of_halves(g, part) for part in (one, other)]
        larger = g.node("GreaterOrEqual", *squares)
        f = g.node("Where", g.node("Concat", larger, larger, axis=0), one, other)
    return f


def mean_pool(g, f):
    return g.node("AveragePool", f, kernel_shape=[2, 2], strides=[2, 2])


def pool_then_activate(g, f):
    pooled = b.max_pool(g, f)
    real, imaginary = halves(g, pooled)
    squared = g.node("Add", g.node("Mul", real, real), g.node("Mul", imaginary, imaginary))
    factor = small_factor(g, squared)
    return g.node("Mul", pooled, g.node("Concat", factor, factor, axis=0))


def flat(g, f):
    return g.node("Flatten", f)


def matmul(g, f):
    return g.node("MatMul", flat(g, f), g.weight(FEATURES * HALF * HALF, OUTPUTS))


def matmul_from_left(g, f):
    rows = g.node("Transpose", flat(g, f), perm=[1, 0])
    return g.node("Transpose", g.node("MatMul", g.weight(OUTPUTS, FEATURES * HALF * HALF), rows), perm=[1, 0])


def transposed_gemm(g, f):
    rows = g.node("Transpose", flat(g, f), perm=[1, 0])
    return g.node("Gemm", rows, g.weight(FEATURES * HALF * HALF, OUTPUTS), transA=1, alpha=0.5)


def block_matrix(g, f):
    A, B = g.random.normal(size=(2, OUTPUTS, FEATURES * HALF * HALF)) / 5
    pairs = g.node("Concat", *halves(g, flat(g, f)), axis=1)
    return b.fold(g, g.node("Gemm", pairs, g.const(np.block([[A, B], [-B, A]])), transB=1))


def unfold_by_transpose(g, f):
    second = g.node("Transpose", b.apart(g, f, rank=2), perm=[1, 0, 2])
    return g.node("Reshape", second, g.const([0, -1]))


def unfold_by_split_list(g, f):
    h = g.node("Transpose", f, perm=[1, 0])
    real, imaginary = g.node("Split", h, outputs=2, axis=1, num_outputs=2)
    return g.node("Transpose", g.node("Concat", real, imaginary, axis=0), perm=[1, 0])


def interleaved_and_back(g, f):
    h = b.unfold(g, f)
    mixed = g.node("Gather", h, g.const([i + OUTPUTS * p for i in range(OUTPUTS) for p in (0, 1)]), axis=1)
    pairs = g.node("Reshape", mixed, g.const([-1, OUTPUTS, 2]))
    return g.node("Flatten", g.node("Transpose", pairs, perm=[0, 2, 1]))


STAGES = {
    "fold": [
        fold_by_transpose, fold_by_slices, fold_by_gather, fold_by_pair_axis, fold_with_computed_shape,
        half_turn, channels_reversed, every_sample_twice,
    ],
    "convolution": [
        two_convolutions, equal_weights_stored_twice, two_groups, complex_weights, complex_matrix, zero_bias,
        batch_norm, batch_norm_on_pairs, residual, dense_block, padded, standard_weights,
    ],
    "delta": [
        by_halves, by_computing_twice, by_powers, by_reduction("ReduceSumSquare", True),
        by_reduction("ReduceL2", False), by_unstacking, literal,
        doubled_factor(lambda g, factor: g.node("Concat", factor, factor, axis=0)),
        doubled_factor(lambda g, factor: g.node("Tile", factor, g.const([2, 1, 1, 1]))),
        chosen_by_norm, chosen_by_norm_in_halves, squeeze_and_excite, inner_product, mean_square_around,
        dropout,
    ],
    "pool": [flat_gather, flat_gather_of_each, compared, mean_pool, pool_then_activate],
    "linear": [matmul, matmul_from_left, transposed_gemm, block_matrix],
    "unfold": [unfold_by_transpose, unfold_by_split_list, interleaved_and_back],
}  # fmt: skip
STYLES = [
    pytest.param(stage, way, id=f"{stage}-{at}-{way.__name__}")
    for stage, ways in STAGES.items()
    for at, way in enumerate(ways)
]


@pytest.mark.parametrize(("stage", "way"), STYLES)
def test_a_right_graph_is_proved(check, stage, way) -> None:
    verdict = check(network(**{stage: way}))
    assert verdict.proved, verdict
    assert verdict.grade == "exact"


def test_rounding_to_half_precision_is_no_mistake(check) -> None:
    assert check(network(convolution=half_precision), tolerance=2e-3).proved


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch(check, batch: int) -> None:
    g = Graph((batch, 2 * OUTPUTS))
    turned = g.node("Gemm", b.fold(g, "x"), g.weight(OUTPUTS, OUTPUTS))
    assert check(g.model(b.unfold(g, turned))).proved


def test_a_fixed_batch_that_is_mixed(check) -> None:
    g = Graph((3, 2 * OUTPUTS))
    f = g.node("Gather", "x", g.const([1, 2, 0]), axis=0)
    verdict = check(g.model(f), equivariant=False)
    assert not verdict.proved
    assert "angle of its own" in verdict.failure.rule


@pytest.mark.parametrize("layout", [Layout(axis=-1, interleaved=True), Layout(axis=2)])
def test_other_layouts(check, layout: Layout) -> None:
    """(N, 7, 2): parts in an axis of their own at the end, as torch.view_as_real gives them."""
    g = Graph(("N", 7, 2))
    size = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", "x", "x"), g.const([2]), keepdims=1))
    model = g.model(g.node("Mul", "x", g.node("Sigmoid", size)), rank=3)
    assert check(model, layout=layout).proved


def test_the_layout_matters(check) -> None:
    """Interleaved parts, declared as blocks."""
    g = Graph(("N", 2 * OUTPUTS))
    pairs = g.node("Reshape", "x", g.const([-1, OUTPUTS, 2]))
    size = g.node("ReduceL2", pairs, g.const([2]), keepdims=1)
    model = g.model(g.node("Reshape", g.node("Mul", pairs, size), g.const([-1, 2 * OUTPUTS])))
    assert check(model, layout=Layout(interleaved=True)).proved
    assert not check(model, equivariant=False).proved


@pytest.mark.parametrize(
    ("kind", "zero_point"), [(np.int8, 0), (np.uint8, 128), (np.int16, 0)], ids=["int8", "uint8", "int16"]
)
def test_symmetric_quantisation_has_a_grade_of_its_own(check, kind, zero_point) -> None:
    def quantised(g, f):
        scale, zero = g.const(0.04), g.const(zero_point, kind)
        return g.node("DequantizeLinear", g.node("QuantizeLinear", f, scale, zero), scale, zero)

    # Pooling by norm jumps where two norms are close, so it is left out of the measurement.
    model = network(opset=21, convolution=lambda g, f: b.convolution(g, quantised(g, f)), pool=mean_pool)
    verdict = check(model, tolerance=0.05)
    assert (verdict.proved, verdict.grade) == (True, "up to quantisation")


def test_an_int8_wire_with_a_scale_for_each_sample(check) -> None:
    g = Graph(("N", 2 * OUTPUTS), dtype=TensorProto.INT8)
    scale = helper.make_tensor_value_info("scale", TensorProto.FLOAT, [1])
    x = g.node("Mul", g.node("Cast", "x", to=TensorProto.FLOAT), "scale")
    model = g.model(b.unfold(g, g.node("MatMul", b.fold(g, x), g.weight(OUTPUTS, 5))), extra_inputs=[scale])
    verdict = check(model, rotated="x", tolerance=0.05)
    assert (verdict.proved, verdict.grade) == (True, "up to quantisation")


def test_whole_numbers_are_scaled_back_first() -> None:
    """Their sums wrap: int8 100 + 100 is -56."""
    g = Graph(("N", 4), dtype=TensorProto.INT8)
    failure = prove(g.model(g.node("Cast", g.node("Add", "x", "x"), to=TensorProto.FLOAT))).failure
    assert failure.op == "Add"


def test_opset_11_keeps_axes_in_attributes(check) -> None:
    g = Graph(("N", 2, OUTPUTS), opset=11)
    total = g.node("ReduceSum", g.node("Mul", "x", "x"), axes=[1], keepdims=0)
    size = g.node("Unsqueeze", g.node("Sqrt", total), axes=[1])
    real, imaginary = g.node("Split", "x", outputs=2, axis=1, split=[1, 1])
    parts = (g.node("Squeeze", g.node("Mul", part, size), axes=[1]) for part in (real, imaginary))
    assert check(
        g.model(g.node("Concat", *(g.node("Unsqueeze", p, axes=[1]) for p in parts), axis=1), rank=3)
    ).proved


def test_optimised_graphs_are_proved_too(check, tmp_path) -> None:
    """ONNX Runtime's own rewriting, up to the level that every processor shares."""
    import onnx
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    model = network(convolution=batch_norm)
    ort.InferenceSession(model.SerializeToString(), options)
    optimised = onnx.load(tmp_path / "optimised.onnx")
    assert len(optimised.graph.node) < len(model.graph.node)
    assert check(optimised).proved


# What is right and refused: the price of rules that look at one node at a time.


def cubic(g, f):
    """f fᵀ f, with the rows of both halves: turns with f, but no rule sees through the product."""
    rows = flat(g, f)
    gram = g.node("MatMul", rows, g.node("Transpose", rows, perm=[1, 0]))
    return b.linear(g, g.node("MatMul", gram, rows))


def added_and_taken_away(g, f):
    one = g.const(1.0)
    return g.node("Sub", g.node("Add", f, one), one)


def root_of_squares(g, f):
    """sqrt(re² + eps + im²): eps is added before the sum is a norm."""
    real, imaginary = halves(g, f)
    first = g.node("Add", g.node("Mul", real, real), g.const(1e-6))
    return b.times(g, f, small_factor(g, g.node("Add", first, g.node("Mul", imaginary, imaginary))))


@pytest.mark.parametrize(
    ("stage", "way"), [("linear", cubic), ("delta", added_and_taken_away), ("delta", root_of_squares)]
)
def test_refused_though_right(check, stage, way) -> None:
    assert not check(network(**{stage: way}), equivariant=True).proved


def test_proving_runs_nothing_and_changes_nothing() -> None:
    model = network()
    before = model.SerializeToString(deterministic=True)
    prove(model)
    assert model.SerializeToString(deterministic=True) == before
