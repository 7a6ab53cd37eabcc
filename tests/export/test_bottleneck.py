"""Vectors in place of maps, all the way: trained, exported, proved, served, and predicted with a key."""

import json

import numpy as np
import pytest
import torch

from export.errors import ExportError
from export.graphs import build_graphs
from export.pipeline import export_checkpoint
from phasekey.graph_runtime import GraphSession
from phasekey.model import build_network
from phasekey.model.hiding.secrets import rotations
from phasekey.served import running_server
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.registry import load_dataset
from phasekey.training.evaluate import to_float
from phasekey.training.loop.train import train
from phasekey.training.settings.config import TrainConfig
from sdk import DerivedKeys, EdgeClient

WIDTH = 24


@pytest.fixture(scope="module", params=["another-input", "gaussian"])
def bundle(request, tmp_path_factory):
    """A plain one, and what `--head deep-bottleneck --defence hardened` makes."""
    folder = tmp_path_factory.mktemp("bottleneck")
    hardened = request.param == "gaussian"
    config = TrainConfig(
        head="deep-bottleneck" if hardened else "bottleneck",
        width=WIDTH,
        defence="hardened" if hardened else "none",
        epochs=1,
        device="cpu",
        out=folder,
    )
    checkpoint = train(config, load_dataset("digits", None))
    manifest = export_checkpoint(checkpoint, folder / "bundle")
    return request.param, load_checkpoint(checkpoint).network, folder / "bundle", manifest


def test_vectors_travel_in_place_of_maps(bundle):
    _, _, _, manifest = bundle
    assert manifest.encoder.outputs[0].shape == (None, WIDTH)
    assert manifest.processing.inputs[0].shape == (None, 2 * WIDTH)


def test_the_manifest_tells_both_laws_of_decoys(bundle):
    law, _, folder, manifest = bundle
    shipped = {"another-input": ("gaussian-images", 64), "gaussian": ("gaussian-features", WIDTH)}[law]
    assert (manifest.decoy.source, manifest.decoy.noise_size) == shipped
    assert json.loads((folder / "edge" / "manifest.json").read_text())["decoy"]["in_training"] == law


def test_the_processing_graph_is_proved_equivariant(bundle):
    _, _, _, manifest = bundle
    assert manifest.proof.verdict == "proved"


def test_gaussian_decoys_are_the_noise_and_others_are_features(bundle):
    law, network, folder, _ = bundle
    noise = np.random.default_rng(0).normal(size=(3, network.noise_size)).astype(np.float32)
    images = load_dataset("digits", None).test.images[:3]
    decoy = GraphSession(folder / "edge" / "encoder.onnx").run({"image": images, "noise": noise})["decoy"]
    with torch.no_grad():
        drawn = torch.from_numpy(noise)
        expected = drawn if law == "gaussian" else network.encoder(network.sampler(drawn))
    np.testing.assert_allclose(decoy, expected, atol=1e-4)


def test_predictions_through_a_server_are_those_of_pytorch(bundle):
    law, network, folder, _ = bundle
    images, keys = load_dataset("digits", None).test.images[:20], DerivedKeys(bytes(range(32)))
    with running_server(folder / "cloud") as address, EdgeClient(folder / "edge", address, keys=keys) as edge:
        found = edge.predict(images).probabilities
    drawn = keys.draw(images, network.noise_size)
    with torch.no_grad():
        noise, theta = torch.from_numpy(drawn.noise), torch.from_numpy(drawn.theta)
        decoy = noise if law == "gaussian" else network.encoder(network.sampler(noise))
        feature = network.encoder(to_float(torch.from_numpy(images)))
        logits = network.answer(network.among_decoys(feature, decoy[:, None]), rotations(theta))
    off = np.abs(found - logits.softmax(1).numpy()).max(axis=1)
    # The wire rounds to float16; of two norms almost equal, pooling may then pick the other (record 3).
    assert np.quantile(off, 0.9) < 0.02
    assert found.argmax(1).std() > 0


def test_a_device_cannot_draw_gaussian_maps():
    network = build_network("lenet", classes=10, image=(1, 32, 32), decoy="gaussian")
    with pytest.raises(
        ExportError, match=r"trained with Gaussian decoys.*--head bottleneck, or another --decoy"
    ):
        build_graphs(network)
