"""GraphSession on real ONNX files, against numpy."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from phasekey.bundle import TensorSpec
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphError, GraphSession

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2) - 2


@pytest.fixture
def graph(tmp_path):
    """total = left @ W + right: two inputs that share the batch N."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["left", "W"], ["m"]),
            helper.make_node("Add", ["m", "right"], ["total"]),
        ],
        "sum",
        [info("left", TensorProto.FLOAT, ["N", 3]), info("right", TensorProto.FLOAT, ["N", 2])],
        [info("total", TensorProto.FLOAT, ["N", 2])],
        initializer=[onnx.numpy_helper.from_array(WEIGHTS, "W")],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"phasekey.role": "processing"})
    path = tmp_path / "sum.onnx"
    onnx.save(model, path)
    return path


def feeds(batch=4, **replaced):
    random = np.random.default_rng(0)
    given = {
        "left": random.normal(size=(batch, 3)).astype(np.float32),
        "right": random.normal(size=(batch, 2)).astype(np.float32),
    }
    return {**given, **replaced}


def test_describes_itself(graph):
    session = GraphSession(graph)
    assert session.inputs == (
        TensorSpec("left", "float32", (None, 3)),
        TensorSpec("right", "float32", (None, 2)),
    )
    assert session.outputs == (TensorSpec("total", "float32", (None, 2)),)
    assert session.metadata == {"phasekey.role": "processing"}


@pytest.mark.parametrize("batch", [1, 5])
def test_runs_like_numpy(graph, batch):
    given = feeds(batch)
    result = GraphSession(graph).run(given)
    assert list(result) == ["total"]
    np.testing.assert_allclose(result["total"], given["left"] @ WEIGHTS + given["right"], rtol=1e-6)


def test_takes_a_graph_in_memory_and_says_so_when_it_is_none(graph):
    given = feeds()
    session = GraphSession(graph.read_bytes())
    np.testing.assert_allclose(
        session.run(given)["total"], given["left"] @ WEIGHTS + given["right"], rtol=1e-6
    )
    assert repr(session) == "GraphSession('the graph in memory')"
    with pytest.raises(GraphError, match="What is in memory is not an ONNX graph"):
        GraphSession(b"no graph")


def test_takes_arrays_that_are_not_contiguous(graph):
    left = np.arange(24, dtype=np.float32).reshape(8, 3)[::2]
    given = feeds(left=left)
    total = GraphSession(graph).run(given)["total"]
    np.testing.assert_allclose(total, left @ WEIGHTS + given["right"], rtol=1e-6)


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"left": np.zeros((4, 3))}, r"'left' must be float32 \(N, 3\), not float64 \(4, 3\)"),
        ({"left": np.zeros((4, 3), ">f4")}, r"must be float32"),
        ({"left": np.zeros((4, 5), np.float32)}, r"not float32 \(4, 5\)"),
        ({"left": np.zeros(3, np.float32)}, r"not float32 \(3\)"),
        ({"left": np.zeros((7, 3), np.float32)}, r"size 4 where another has 7"),
        ({"left": [[1.0, 2.0, 3.0]]}, r"numpy array, not list"),
        ({"extra": np.zeros(1, np.float32)}, r"takes the inputs \['left', 'right'\]"),
    ],
)
def test_refuses_what_does_not_fit(graph, replaced, said):
    session = GraphSession(graph)
    for _ in range(2):  # also after others passed
        with pytest.raises(GraphError, match=said):
            session.run(feeds(**replaced))
        assert session.run(feeds())["total"].shape == (4, 2)  # and goes on working


def test_refuses_a_missing_input(graph):
    with pytest.raises(GraphError, match=r"given \['left'\]"):
        GraphSession(graph).run({"left": feeds()["left"]})


def test_a_run_that_fails_does_not_pass_on_internal_text(tmp_path):
    """A Reshape whose target cannot hold the data: fits the signature, fails inside."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Reshape", ["x", "to"], ["y"], name="secret-node")],
        "g",
        [info("x", TensorProto.FLOAT, ["N", 3])],
        [info("y", TensorProto.FLOAT, [None, None])],
        initializer=[onnx.numpy_helper.from_array(np.array([2, 3], np.int64), "to")],
    )
    path = tmp_path / "reshape.onnx"
    onnx.save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    with pytest.raises(GraphError, match=r"reshape\.onnx: the run failed") as caught:
        GraphSession(path).run({"x": np.zeros((5, 3), np.float32)})
    assert "secret-node" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("keep", [0, 1, 40, 0.5, 0.95])
def test_refuses_a_truncated_file_by_name(graph, keep):
    whole = graph.read_bytes()
    graph.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    with pytest.raises(GraphError, match=r"sum\.onnx is not an ONNX graph"):
        GraphSession(graph)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(PhasekeyError, match=r"No graph at .*nowhere\.onnx"):
        GraphSession(tmp_path / "nowhere.onnx")


def test_refuses_an_unknown_device_and_negative_threads(graph):
    with pytest.raises(GraphError, match="Unknown device 'tpu'"):
        GraphSession(graph, device="tpu")  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="not -1"):
        GraphSession(graph, threads=-1)


def test_says_so_when_cuda_is_not_there(graph):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(GraphError, match=r"phasekey\[cloud-gpu\]"):
        GraphSession(graph, device="cuda")


def test_several_threads_share_one_session(graph):
    session = GraphSession(graph)
    batches = [feeds(left=np.full((4, 3), i, np.float32)) for i in range(32)]
    with ThreadPoolExecutor(4) as pool:
        totals = list(pool.map(lambda given: session.run(given)["total"], batches))
    for given, total in zip(batches, totals, strict=True):
        np.testing.assert_allclose(total, given["left"] @ WEIGHTS + given["right"], rtol=1e-6)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def run_in_empty_home(code, home, graph, **extra):
    # Without CI too: ONNX Runtime keeps no telemetry where that is set, and the control would show nothing.
    left_out = ("XDG_", "ORT_", "CI")
    env = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    env |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1", **extra}
    subprocess.run([sys.executable, "-c", code, str(graph)], env=env, cwd=home, check=True, timeout=120)


OURS = """
import sys, time
from pathlib import Path
from phasekey.graph_runtime import GraphSession
GraphSession(Path(sys.argv[1]))
time.sleep(1)
"""
BARE = "import sys, time, onnxruntime as o; o.InferenceSession(sys.argv[1]); time.sleep(1)"


@pytest.mark.parametrize("before", ["", "0"])
def test_leaves_no_telemetry_behind(graph, tmp_path, before):
    """Also when the variable was set to something else before."""
    home = tmp_path / "home"
    home.mkdir()
    run_in_empty_home(OURS, home, graph, **({"ORT_DISABLE_TELEMETRY": before} if before else {}))
    assert files_below(home) == []


def test_the_telemetry_test_can_fail(graph, tmp_path):
    """The control: the same run without our package does leave files, or the test above proves nothing."""
    home = tmp_path / "home"
    home.mkdir()
    run_in_empty_home(BARE, home, graph)
    if not files_below(home):
        pytest.skip("this ONNX Runtime keeps no telemetry state")
