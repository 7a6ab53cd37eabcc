"""A bundle as version 0.1 of the package wrote it: read, used, and written again as what it is."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.bundle import ROTATION, BundleError, Manifest, load_manifest
from phasekey.graph_runtime import GraphSession
from sdk import EdgeClient

FOLDER = Path(__file__).parent / "format1"
SENT = json.loads((FOLDER / "sent.json").read_text())  # recorded by the SDK of that version
SECRET = bytes(range(32))


@pytest.fixture
def manifest():
    return load_manifest(FOLDER / "edge")


def images():
    return np.array(SENT["images"], np.uint8).reshape(2, 6, 6, 1)


def test_what_format_2_added_is_filled_in(manifest):
    assert manifest.format_version == 1
    assert manifest.secret == ROTATION
    assert manifest.guarantee is None
    assert manifest.decoy.sigma == 1.0
    assert manifest.proof.warning is None


def test_the_client_sends_the_x_that_it_sent(manifest):
    graph = GraphSession(FOLDER / "cloud" / manifest.model_name / "1" / "model.onnx")
    sent = []

    def infer(x):
        sent.append(x)
        return graph.run({"x": x})["h"]

    memory = SimpleNamespace(
        infer=infer, check=lambda m: None, close=lambda: None, bytes_up=0, bytes_down=0
    )  # fmt: skip
    found = EdgeClient(FOLDER / "edge", transport=memory, secret=SECRET).predict(images())
    # The encoder's sums may be taken in another order elsewhere, hence not to the last bit.
    np.testing.assert_allclose(sent[0], np.reshape(SENT["x"], SENT["shape"]), atol=1e-6)
    np.testing.assert_allclose(found.probabilities.ravel(), SENT["probabilities"], atol=1e-6)


def test_it_predicts_through_a_real_server():
    running = start(ServerConfig(model_repository=FOLDER / "cloud", listen="127.0.0.1:0", workers=1))
    try:
        with EdgeClient(FOLDER / "edge", running.address, secret=SECRET) as client:
            found = client.predict(images())
    finally:
        running.stop(0)
    np.testing.assert_allclose(found.probabilities.ravel(), SENT["probabilities"], atol=1e-5)


def test_written_again_it_is_the_same_text(manifest):
    """An audit's summary is written into the bundle, which older devices must read as before."""
    assert manifest.to_json() == (FOLDER / "edge" / "manifest.json").read_text()


def test_it_cannot_hold_what_only_format_2_says(manifest):
    text = dataclasses.replace(manifest, format_version=2).to_json()
    claimed = text.replace('"format_version": 2', '"format_version": 1')
    with pytest.raises(BundleError, match="checksum"):
        Manifest.from_json(claimed)
