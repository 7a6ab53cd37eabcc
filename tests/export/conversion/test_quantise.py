"""int8 arithmetic in the cloud's graph: on real images, proved, reproducible, and scored as it is shipped."""

import json
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export.checks.transmissions import transmissions
from export.conversion.calibration import calibration_x, load_calibration
from export.conversion.quantise import quantise
from export.conversion.shipped import convert
from export.conversion.wire import convert_ends
from export.conversion.wire_choice import choose_wire
from export.errors import ExportError
from export.graphs import build_graphs
from export.proof import prove
from export.session import open_graph
from phasekey.model import build_network


@pytest.fixture(scope="module")
def quantised(checkpoint, graphs) -> onnx.ModelProto:
    return quantise(
        graphs.processing, calibration_x(checkpoint.network, graphs.encoder, load_calibration(checkpoint))
    )


def test_convolutions_and_products_are_int8_and_symmetric(graphs, quantised) -> None:
    nodes, weights = (
        quantised.graph.node,
        {t.name: numpy_helper.to_array(t) for t in quantised.graph.initializer},
    )
    makers = {name: node for node in nodes for name in node.output}
    products = [node for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert len(products) == sum(
        node.op_type in ("Conv", "Gemm", "MatMul") for node in graphs.processing.graph.node
    )
    for node in products:
        data, weight = (makers[name] for name in node.input[:2])
        assert data.op_type == weight.op_type == "DequantizeLinear"
        assert weights[data.input[2]].dtype == np.uint8
        assert (weights[data.input[2]] == 128).all()
        assert weights[weight.input[0]].dtype == np.int8
        assert not weights[weight.input[2]].any()
    assert not any(
        makers[name].op_type == "DequantizeLinear" for n in nodes if n.op_type == "Sqrt" for name in n.input
    )


def test_the_graph_given_is_not_changed(graphs) -> None:
    given = onnx.ModelProto()
    given.CopyFrom(graphs.processing)
    quantise(given, [np.ones((2, 12, 14, 14), np.float32)])
    assert given == graphs.processing


def test_it_computes_the_same_up_to_quantisation(checkpoint, graphs, quantised, exported) -> None:
    x = np.concatenate(
        [x for x, _ in transmissions(checkpoint.network, open_graph(graphs.encoder), exported.images)]
    )
    expected, found = (open_graph(model).run({"x": x})["h"] for model in (graphs.processing, quantised))
    errors = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert 1e-4 < np.median(errors) < 0.08


@pytest.mark.parametrize("wire", ["float32", "float16", "int8"])
def test_it_is_proved_with_every_wire(checkpoint, graphs, quantised, wire) -> None:
    verdict = prove(convert_ends(quantised, choose_wire(checkpoint.network, graphs, wire)))
    assert verdict.failure is None
    assert verdict.grade == "up to quantisation"


def test_a_residual_network_is_proved_too() -> None:
    torch.manual_seed(0)
    network = build_network("resnet20", variant="alpha", classes=10, image=(3, 32, 32))
    processing = build_graphs(network, arithmetic="int8").processing
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 32)).astype(np.float32)
    assert prove(quantise(processing, [x])).failure is None


def test_it_is_smaller_and_the_same_each_time(checkpoint, graphs, quantised) -> None:
    assert quantised.ByteSize() < 0.6 * graphs.processing.ByteSize()
    again = quantise(
        graphs.processing, calibration_x(checkpoint.network, graphs.encoder, load_calibration(checkpoint))
    )
    assert again.SerializeToString(deterministic=True) == quantised.SerializeToString(deterministic=True)


def test_a_graph_that_the_tool_refuses(graphs) -> None:
    with pytest.raises(ExportError, match="--processing float32"):
        quantise(graphs.processing, [np.ones((2, 3, 3, 3), np.float32)])


def test_telemetry_is_off_before_the_tool_is_imported() -> None:
    import subprocess

    code = """
import os, sys
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
import export.conversion.quantise
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
assert "onnxruntime.quantization" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# The command


def test_the_manifest_tells_both_accuracies(coarse) -> None:
    manifest = json.loads((coarse.edge / "manifest.json").read_text())
    accuracy = manifest["export"]["accuracy"]
    assert set(accuracy) == {f"graphs, processing {kind}, wire int8" for kind in ("float32", "int8")}
    assert all(0.8 < share <= 1 for share in accuracy.values())
    assert manifest["export"]["processing"] == {
        "arithmetic": "int8",
        "calibration": {"data": "digits", "images": 200},
        "scored_images": 355,
    }
    assert manifest["wire"]["dtype"] == "int8"


def test_calibration_without_int8_is_a_mistake_and_says_so(checkpoint, graphs) -> None:
    with pytest.raises(ExportError, match="goes with --processing int8"):
        convert(checkpoint, graphs, calibration="digits")
