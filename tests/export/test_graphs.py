"""Each graph computes what PyTorch computes, for any batch; ONNX Runtime is the one that says so."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.errors import ExportError
from export.graphs import Graphs, build_graphs
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork, build_network
from phasekey.training.checkpoint import load_checkpoint

BATCHES = (1, 2, 5, 64)


def session(model: onnx.ModelProto, folder: Path) -> GraphSession:
    path = folder / "graph.onnx"
    path.write_bytes(model.SerializeToString())
    return GraphSession(path)


@pytest.fixture(scope="module")
def trained(exported) -> tuple[SplitNetwork, Graphs]:
    network = load_checkpoint(exported.checkpoint).network
    return network, build_graphs(network)


@pytest.mark.parametrize("batch", BATCHES)
def test_the_encoder_gives_feature_and_decoy(trained, exported, tmp_path: Path, batch: int) -> None:
    network, graphs = trained
    images = np.resize(exported.images, (batch, 32, 32, 1))
    noise = np.random.default_rng(batch).normal(size=(batch, 64)).astype(np.float32)
    found = session(graphs.encoder, tmp_path).run({"image": images, "noise": noise})
    with torch.no_grad():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        feature = network.encoder(pixels).numpy()
        decoy = network.encoder(network.sampler(torch.from_numpy(noise))).numpy()
    np.testing.assert_allclose(found["feature"], feature, atol=1e-4)
    np.testing.assert_allclose(found["decoy"], decoy, atol=1e-4)
    assert np.abs(feature - decoy).max() > 0.1


@pytest.mark.parametrize("batch", BATCHES)
def test_processing_and_decoder_agree_with_torch(trained, tmp_path: Path, batch: int) -> None:
    network, graphs = trained
    rng = np.random.default_rng(batch)
    x = rng.normal(size=(batch, 12, 14, 14)).astype(np.float32)
    h = session(graphs.processing, tmp_path).run({"x": x})["h"]
    real = rng.normal(size=(batch, 84)).astype(np.float32)
    probabilities = session(graphs.decoder, tmp_path).run({"feature": real})["probabilities"]
    with torch.no_grad():
        np.testing.assert_allclose(h, network.processing(torch.from_numpy(x)).numpy(), atol=1e-4)
        expected = network.decoder(torch.from_numpy(real)).softmax(1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_a_residual_network_agrees_with_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network("resnet20", variant="alpha", classes=10, image=(3, 32, 32)).eval()
    x = torch.randn(3, 32, 32, 32)
    h = session(build_graphs(network).processing, tmp_path).run({"x": x.numpy()})["h"]
    with torch.no_grad():
        expected = network.processing(x).numpy()
    assert np.linalg.norm(h - expected) / np.linalg.norm(expected) < 1e-5


def test_float_images_are_taken_as_they_are(trained, exported, tmp_path: Path) -> None:
    network, graphs = trained
    floats = build_graphs(network, image_dtype=torch.float32)
    noise = np.zeros((20, 64), np.float32)
    from_bytes = session(graphs.encoder, tmp_path).run({"image": exported.images, "noise": noise})
    scaled = exported.images.astype(np.float32) / 255
    from_floats = session(floats.encoder, tmp_path).run({"image": scaled, "noise": noise})
    np.testing.assert_allclose(from_bytes["feature"], from_floats["feature"], atol=1e-5)


@pytest.mark.parametrize("form", ["original", "additional", "noisy"])
def test_only_forms_that_mix_are_exported_under_a_rotation(form: str) -> None:
    with pytest.raises(ExportError, match="only forms that mix"):
        build_graphs(build_network("lenet", classes=10, image=(1, 32, 32), form=form))


def test_attributes_have_probabilities_of_their_own(tmp_path: Path) -> None:
    network = build_network("lenet", classes=10, image=(1, 32, 32), task="attributes").eval()
    real = np.random.default_rng(0).normal(size=(3, 84)).astype(np.float32)
    found = session(build_graphs(network).decoder, tmp_path).run({"feature": real})["probabilities"]
    with torch.no_grad():
        logits = network.decoder(torch.from_numpy(real)).double().numpy()
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert np.abs(found.sum(1) - 1).min() > 0.1


def test_the_encoder_of_k_components_gives_k_minus_1_decoys_in_blocks(tmp_path: Path) -> None:
    """Block i of the decoys is the feature of the image that the i-th part of the noise draws."""
    torch.manual_seed(0)
    network = build_network("lenet", classes=10, image=(1, 32, 32), secret="orthogonal", components=4).eval()
    network.sampler.fit(torch.randint(0, 256, (70, 32, 32, 1), dtype=torch.uint8))
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    noise = np.random.default_rng(1).normal(size=(3, 3 * 64)).astype(np.float32)
    found = session(build_graphs(network).encoder, tmp_path).run({"image": images, "noise": noise})
    assert found["decoy"].shape == (3, 3 * 6, 14, 14)
    with torch.no_grad():
        for block in range(3):
            drawn = network.sampler(torch.from_numpy(noise[:, 64 * block : 64 * (block + 1)]))
            expected = network.encoder(drawn).numpy()
            np.testing.assert_allclose(found["decoy"][:, 6 * block : 6 * (block + 1)], expected, atol=1e-4)


def test_gaussian_decoys_of_k_components_are_sigma_times_the_noise(tmp_path: Path) -> None:
    network = build_network(
        *("lenet",), classes=10, image=(1, 32, 32), head="norm-bottleneck", width=6, decoy="gaussian",
        secret="orthogonal", components=8, sigma=2.0,
    ).eval()  # fmt: skip
    noise = np.random.default_rng(1).normal(size=(2, 7 * 6)).astype(np.float32)
    images = np.zeros((2, 32, 32, 1), np.uint8)
    found = session(build_graphs(network).encoder, tmp_path).run({"image": images, "noise": noise})
    np.testing.assert_allclose(found["decoy"], 2 * noise, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found["feature"], axis=1), np.sqrt(6), rtol=1e-5)


def test_a_plain_network_with_permuted_rows_is_exported_without_decoys(tmp_path: Path) -> None:
    network = build_network(
        *("lenet",), classes=10, image=(1, 32, 32), form="original", secret="permutation", components=4
    ).eval()
    graphs = build_graphs(network)
    assert [value.name for value in graphs.encoder.graph.input] == ["image"]
    x = np.random.default_rng(0).normal(size=(8, 6, 14, 14)).astype(np.float32)
    found = session(graphs.processing, tmp_path).run({"x": x})["h"]
    with torch.no_grad():
        np.testing.assert_allclose(found, network.processing(torch.from_numpy(x)).numpy(), atol=1e-4)


def test_a_frame_is_not_exported_in_int8():
    network = build_network(
        "lenet", classes=10, image=(1, 32, 32), form="canonical", secret="orthogonal", decoy="archive"
    )
    with pytest.raises(ExportError, match="zeros"):
        build_graphs(network, arithmetic="int8")
