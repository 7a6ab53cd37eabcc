"""The measurement against graphs whose error is known by hand."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from export.checks.numeric import equivariance_errors
from export.proof import Layout
from phasekey.graph_runtime import GraphError


def graph(tmp_path, op, *constants, shape=("N", 6), dtype=TensorProto.FLOAT):
    """h = op(x, constants…) in a file."""
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    weights = [numpy_helper.from_array(np.asarray(c, kind), f"c{i}") for i, c in enumerate(constants)]
    body = helper.make_graph(
        [helper.make_node(op, ["x", *(weight.name for weight in weights)], ["h"])],
        "one",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("h", dtype, shape)],
        initializer=weights,
    )
    path = tmp_path / "graph.onnx"
    save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=8), path)
    return path


def test_scaling_is_exact_and_one_error_for_each_sample(tmp_path) -> None:
    errors = equivariance_errors(graph(tmp_path, "Mul", 2.0), batch=5, trials=3)
    assert errors.shape == (15,)
    assert errors.max() < 1e-6


def test_the_error_of_a_bias_is_what_it_should_be(tmp_path) -> None:
    """With a bias of 1 on the real parts, the gap at θ = π is twice the bias: Φ(-x) + Φ(x)."""
    path = graph(tmp_path, "Add", [1, 1, 1, 0, 0, 0])
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    expected = 2 * np.sqrt(3) / np.linalg.norm(x + np.float32([1, 1, 1, 0, 0, 0]), axis=1)
    found = equivariance_errors(path, batch=4, trials=1, turns=[-1])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_layout_decides(tmp_path) -> None:
    path = graph(tmp_path, "Mul", [1, 1, 2, 2, 3, 3])
    assert equivariance_errors(path, layout=Layout(interleaved=True)).max() < 1e-6
    assert equivariance_errors(path).max() > 0.1
    last = graph(tmp_path, "Mul", np.arange(1.0, 4)[:, None], shape=("N", 3, 2))
    assert equivariance_errors(last, layout=Layout(axis=-1)).max() < 1e-6
    assert equivariance_errors(last, layout=Layout(axis=2)).max() < 1e-6


def test_half_precision_and_fixed_batches(tmp_path) -> None:
    path = graph(tmp_path, "Mul", 3.0, shape=(2, 8), dtype=TensorProto.FLOAT16)
    errors = equivariance_errors(path, batch=7, trials=1)
    assert errors.shape == (2,)
    assert 0 < errors.max() < 2e-3


def test_what_is_not_finite_counts_as_infinitely_wrong(tmp_path) -> None:
    assert np.isinf(equivariance_errors(graph(tmp_path, "Sqrt"))).all()


def test_the_draw_repeats(tmp_path) -> None:
    path = graph(tmp_path, "Relu")
    first, again, other = (equivariance_errors(path, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first, again, rtol=1e-6)
    assert not np.allclose(first, other, rtol=1e-3)


def test_a_file_that_is_no_graph(tmp_path) -> None:
    (tmp_path / "graph.onnx").write_text("no graph")
    with pytest.raises(GraphError):
        equivariance_errors(tmp_path / "graph.onnx")
