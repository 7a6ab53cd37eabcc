"""The vectors that clients in other languages test against: the SDK, by its public calls, gives the same."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phasekey.bundle import SecretSpec
from phasekey.wire import open_inference_pb2 as pb
from sdk import Device
from sdk.secrets import expand
from sdk.store import Store
from sdk.transport.messages import Peer, infer_reply, infer_request

ROOT = Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "clients" / "vectors.json").read_text())
SECRET = bytes.fromhex(VECTORS["secret"])
BUNDLES = pytest.mark.parametrize("case", VECTORS["bundles"], ids=lambda case: case["name"])
LAST_BIT = {"rtol": 3e-6, "atol": 3e-6}  # of float32: log, cos and convolutions round otherwise elsewhere


@pytest.fixture
def opened(tmp_path):
    """Write a case's bundle and open it: opened(case) -> Device."""
    devices = []

    def open_bundle(case):
        edge = tmp_path / "edge"
        edge.mkdir()
        (edge / "manifest.json").write_text(case["manifest"])
        for name in ("encoder", "decoder"):
            (edge / f"{name}.onnx").write_bytes(base64.b64decode(case[name]))
        decoys = None
        if "decoy_images" in case:
            decoys = tmp_path / "decoys.db"
            store = Store(decoys)
            store.add(np.uint8(case["decoy_images"]).reshape(-1, *case["images_shape"][1:]))
            store.close()
        devices.append(Device(edge, secret=SECRET, decoys=decoys))
        return devices[-1]

    yield open_bundle
    for device in devices:
        device.close()


def images_of(case):
    kind = np.uint8 if type(case["images"][0]) is int else np.float32
    return np.array(case["images"], kind).reshape(case["images_shape"])


@BUNDLES
def test_images_go_out_as_they_say(opened, case):
    device = opened(case)
    assert device.manifest.key_context.decode() == case["context"]
    hidden = device.encode(images_of(case))
    assert list(hidden.x.shape) == case["sent_shape"]
    steps = 1 if device.manifest.wire.dtype == "int8" else 0
    half = 1e-3 if device.manifest.wire.dtype == "float16" else 0
    found, wanted = hidden.x.astype(np.float64).ravel(), np.array(case["sent"])
    if "decoy_images" in case:  # which decoy hides which image is drawn anew; the features' places are not
        places = np.array(case["matrix"]).reshape(2, 4, 4)[:, :, 0].argmax(axis=1) + np.array([0, 4])
        found, wanted = (each.reshape(8, -1)[places] for each in (found, wanted))
    np.testing.assert_allclose(found, wanted, rtol=3e-6 + half, atol=3e-6 + steps + half)


@BUNDLES
def test_answers_say_what_they_say(opened, case):
    device = opened(case)
    hidden = device.encode(images_of(case))
    h = infer_reply(Peer("T", "M", 1, 1), base64.b64decode(case["reply"]))
    found = device.decode(hidden, h)
    np.testing.assert_allclose(found.probabilities.ravel(), case["probabilities"], **LAST_BIT)
    assert found.labels == case["labels"]


@BUNDLES
def test_requests_are_these_bytes(case, opened):
    manifest = opened(case).manifest
    sent = np.array(case["sent"], manifest.wire.dtype).reshape(case["sent_shape"])
    request = infer_request(manifest.model_name, sent)
    assert request == base64.b64decode(case["request"])
    message = pb.ModelInferRequest.FromString(request)  # protobuf itself as the oracle
    assert message.raw_input_contents[0] == sent.astype(sent.dtype.newbyteorder("<")).tobytes()
    assert (message.model_name, [port.name for port in message.inputs]) == (manifest.model_name, ["x"])


@pytest.mark.parametrize(
    "case", [*VECTORS["laws"], *VECTORS["bundles"]], ids=lambda case: case.get("name") or case["kind"]
)
def test_matrices_and_noise_follow_from_the_seeds(case):
    if "name" in case:
        manifest = json.loads(case["manifest"])
        spec, size = SecretSpec(**manifest["secret"]), manifest["decoy"]["noise_size"]
    else:
        spec, size = SecretSpec(case["kind"], case["components"]), VECTORS["noise_size"]
    found = expand([bytes.fromhex(seed) for seed in case["seeds"]], size, spec)
    np.testing.assert_allclose(found.matrix.ravel(), case["matrix"], atol=1e-12)
    np.testing.assert_allclose(found.noise.ravel(), case["noise"], **LAST_BIT)


def test_every_kind_is_there(opened):
    kinds = {(law["kind"], law["components"]) for law in VECTORS["laws"]}
    assert kinds >= {("rotation", 2), *((kind, k) for kind in ("orthogonal", "permutation") for k in (2, 4))}
    manifests = [json.loads(case["manifest"]) for case in VECTORS["bundles"]]
    assert {manifest["wire"]["dtype"] for manifest in manifests} == {"float32", "float16", "int8"}
    assert len({manifest["decoy"]["source"] for manifest in manifests}) == 3


def test_the_generator_still_makes_this_file(tmp_path):
    made = tmp_path / "vectors.json"
    command = [sys.executable, "-m", "tests.clients.make_vectors", "--out", made]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    found = json.loads(made.read_text())
    assert found.keys() == VECTORS.keys()
    for one, other in zip(found["laws"], VECTORS["laws"], strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose(one["x"], other["x"], **LAST_BIT)
        assert one["seeds"] == other["seeds"]
    assert [case["name"] for case in found["bundles"]] == [case["name"] for case in VECTORS["bundles"]]
    assert all(
        one.keys() == other.keys() for one, other in zip(found["bundles"], VECTORS["bundles"], strict=True)
    )
