"""int8 arithmetic in the cloud's graph: on real images, proved, reproducible, and scored as it is shipped."""

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export.accuracy import accuracy_through, probabilities_through
from export.calibration import IMAGES, calibration_x, features, load_calibration, some
from export.conversion import convert
from export.errors import ExportError
from export.graphs import Graphs, build_graphs
from export.proof import prove
from export.quantise import quantise
from export.session import open_graph
from export.wire import convert_ends
from export.wire_choice import choose_wire
from phasekey.bundle import WireSpec
from phasekey.model import SplitNetwork, build_network
from phasekey.model.rotation import rotate, unrotate
from phasekey.training.checkpoint import Checkpoint, load_checkpoint
from phasekey.training.data.registry import load_dataset

FLOAT32 = WireSpec("float32", None, None, {})


@pytest.fixture(scope="module")
def checkpoint(exported) -> Checkpoint:
    return load_checkpoint(exported.checkpoint)


@pytest.fixture(scope="module")
def graphs(checkpoint) -> Graphs:
    return build_graphs(checkpoint.network, arithmetic="int8")


@pytest.fixture(scope="module")
def quantised(checkpoint, graphs) -> onnx.ModelProto:
    return quantise(graphs.processing, calibration_x(graphs.encoder, load_calibration(checkpoint)))


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


def test_it_computes_the_same_up_to_quantisation(graphs, quantised, exported) -> None:
    x = np.concatenate([x for x, _ in features(open_graph(graphs.encoder), exported.images, seed=5)])
    expected, found = (open_graph(model).run({"x": x})["h"] for model in (graphs.processing, quantised))
    errors = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert 1e-4 < np.median(errors) < 0.08


@pytest.mark.parametrize("wire", ["float32", "float16", "int8"])
def test_it_is_proved_with_every_wire(graphs, quantised, wire) -> None:
    verdict = prove(convert_ends(quantised, choose_wire(graphs, wire)))
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
    again = quantise(graphs.processing, calibration_x(graphs.encoder, load_calibration(checkpoint)))
    assert again.SerializeToString(deterministic=True) == quantised.SerializeToString(deterministic=True)


def test_a_graph_that_the_tool_refuses(graphs) -> None:
    with pytest.raises(ExportError, match="--processing float32"):
        quantise(graphs.processing, [np.ones((2, 3, 3, 3), np.float32)])


def test_telemetry_is_off_before_the_tool_is_imported() -> None:
    import subprocess

    code = """
import os, sys
os.environ.pop("ORT_DISABLE_TELEMETRY", None)
import export.quantise
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
assert "onnxruntime.quantization" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Calibration data


def test_calibration_is_on_training_images_alone(checkpoint, graphs) -> None:
    dataset = load_calibration(checkpoint)
    images, labels = some(dataset.train, IMAGES)
    assert images.shape == (200, 32, 32, 1)
    assert len(np.unique(labels)) == 10
    fed = np.concatenate(list(calibration_x(graphs.encoder, dataset)))
    expected = np.concatenate([x for x, _ in features(open_graph(graphs.encoder), images)])
    np.testing.assert_allclose(fed, expected, atol=1e-5)


def test_features_are_the_equation(checkpoint, graphs, exported) -> None:
    """Each x against torch, given the same decoys' noise and angles."""
    network: SplitNetwork = checkpoint.network
    random = np.random.default_rng(3)
    noise = random.standard_normal((20, network.sampler.noise_size)).astype(np.float32)
    ((x, theta),) = features(open_graph(graphs.encoder), exported.images, seed=3)
    with torch.no_grad():
        pixels = torch.from_numpy(exported.images).permute(0, 3, 1, 2).float() / 255
        decoy = network.encoder(network.sampler(torch.from_numpy(noise)))
        expected = rotate(network.encoder(pixels), decoy, torch.from_numpy(theta))
    np.testing.assert_allclose(x, expected.numpy(), atol=1e-4)


def test_data_that_is_not_there_says_what_to_give(checkpoint) -> None:
    gone = replace(checkpoint, config={**checkpoint.config, "data": "nowhere.tar"})
    with pytest.raises(ExportError, match=r"trained on cannot be read: no data called .*--calibration DATA"):
        load_calibration(gone)
    with pytest.raises(ExportError, match="--calibration cannot be read"):
        load_calibration(checkpoint, "nowhere.tar")
    assert load_calibration(gone, "digits").name == "digits"
    with pytest.raises(ExportError, match="does not say what it was trained on; give --calibration"):
        load_calibration(replace(checkpoint, config={}))


def test_data_of_another_task_is_refused(checkpoint) -> None:
    other = replace(checkpoint, labels=tuple("abcdefghij"))
    with pytest.raises(ExportError, match="give data of the task that it was trained on"):
        load_calibration(other, "digits")


# Accuracy


def test_accuracy_is_that_of_torch(checkpoint, graphs) -> None:
    """The same θ and decoys through PyTorch's own layers: the same answers."""
    network = checkpoint.network
    test = load_dataset("digits").test
    images, labels = test.images[:60], test.labels[:60]
    random = np.random.default_rng(9)
    logits = []
    for start in range(0, 60, 20):
        noise = torch.from_numpy(random.standard_normal((20, network.sampler.noise_size)).astype(np.float32))
        theta = torch.from_numpy(random.uniform(0, 2 * np.pi, 20))
        with torch.no_grad():
            pixels = torch.from_numpy(images[start : start + 20]).permute(0, 3, 1, 2).float() / 255
            x = rotate(network.encoder(pixels), network.encoder(network.sampler(noise)), theta)
            logits.append(network.decoder(unrotate(network.processing(x), theta)))
    expected = torch.cat(logits)
    found = probabilities_through(graphs, FLOAT32, images, seed=9)
    np.testing.assert_allclose(found, expected.softmax(1).numpy(), atol=1e-4)
    share = float((expected.argmax(1).numpy() == labels).mean())
    assert accuracy_through(graphs, FLOAT32, images, labels, seed=9) == pytest.approx(share, abs=1e-9)
    assert 0.5 < share <= 1


def test_accuracy_of_attributes_counts_each_alike(graphs, exported) -> None:
    probabilities = probabilities_through(graphs, FLOAT32, exported.images)
    labels = (probabilities > 0.5).astype(np.int64)
    labels[:, 0] = 1 - labels[:, 0]
    assert accuracy_through(graphs, FLOAT32, exported.images, labels) == pytest.approx(0.9)


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
