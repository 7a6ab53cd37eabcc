"""Bound buffers against plain runs. On the CPU: no machine of these tests has a GPU."""

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from phasekey.graph_runtime import GraphError, GraphSession, bound_run
from phasekey.graph_runtime.bound_run import BoundRuns


@pytest.fixture
def graph():
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xyh"]
    made = helper.make_graph([helper.make_node("Sub", ["x", "y"], ["h"])], "g", info[:2], info[2:])
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()


def test_each_set_of_shapes_keeps_its_buffers_and_its_answers(graph, monkeypatch):
    monkeypatch.setattr(bound_run, "_MAX_SHAPES", 2)
    runs = BoundRuns(ort.InferenceSession(graph), ["h"], "cpu")
    rng = np.random.default_rng(0)
    for size in (1, 4, 1, 4, 1):
        x, y = rng.standard_normal((2, size, 3)).astype(np.float32)
        (h,) = runs.run({"x": x, "y": y})
        np.testing.assert_array_equal(h, x - y)
    assert runs.run({"x": np.zeros((2, 3), np.float32), "y": np.zeros((2, 3), np.float32)}) is None


def test_cuda_graphs_need_cuda(graph):
    with pytest.raises(GraphError, match="CUDA graphs need the device 'cuda'"):
        GraphSession(graph, cuda_graphs=True)


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_device_that_is_missing_is_an_error_not_the_cpu(graph, device):
    if any(name.lower().startswith(device[:4]) for name in ort.get_available_providers()):
        pytest.skip("this ONNX Runtime has it")
    with pytest.raises(GraphError, match=f"built without '{device}'"):
        GraphSession(graph, device=device)
