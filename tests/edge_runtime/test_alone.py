"""Without ``sdk``, for people with a transport of their own: what the package's head promises."""

import json
import subprocess
import sys

import numpy as np

# What an app with a protocol and keys of its own would write, where sdk and gRPC cannot be imported.
APP = """
import json, sys
for absent in ("sdk", "cloud_runtime", "grpc", "google.protobuf", "asyncio", "PIL", "fastjsonschema"):
    sys.modules[absent] = None
import numpy as np
from edge_runtime import Decoder, Encoder, load_images
from phasekey.bundle import load_manifest
from phasekey.graph_runtime import GraphSession
from pathlib import Path

edge, cloud, pixels = (Path(argument) for argument in sys.argv[1:])
manifest = load_manifest(edge)
encoder, decoder = Encoder(edge, manifest), Decoder(edge, manifest)
images = load_images(np.load(pixels), manifest.image)
random = np.random.default_rng()
noise = random.standard_normal((len(images), manifest.decoy.noise_size)).astype(np.float32)
a, b = encoder.encode(images, noise)
turn = np.exp(1j * random.uniform(0, 2 * np.pi, (len(images), 1, 1, 1)))
z = turn * (a + 1j * b)
x = np.concatenate([z.real, z.imag], axis=1).astype(np.float32)
(graph,) = cloud.glob("*/1/model.onnx")
h = GraphSession(graph).run({"x": x})["h"]
re, im = np.split(h, 2, axis=1)
print(json.dumps(decoder.decode(((re + 1j * im) / turn).real.astype(np.float32)).tolist()))
"""


def test_an_app_with_keys_and_a_transport_of_its_own_needs_no_sdk(small_export, tmp_path):
    images = small_export.network.images(3)
    np.save(tmp_path / "pixels.npy", images)
    arguments = (small_export.edge, small_export.cloud, tmp_path / "pixels.npy")
    done = subprocess.run([sys.executable, "-c", APP, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), small_export.network.probabilities(images), atol=1e-5)
