"""The port to TypeScript: its own tests, and its predictions over a real server."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.wire import open_inference_pb2 as pb
from sdk import Device

FOLDER = Path(__file__).resolve().parents[2] / "clients" / "node"
COMPILER = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
SECRET = bytes(range(100, 132))


@pytest.fixture(scope="module")
def node():
    """Compile the port, and run a part of it: node("src/cli.js", ...) -> what it said."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node.js here (node)")
    if not COMPILER.exists():
        pytest.skip("the packages of clients/node are not installed: make node")
    compiled = subprocess.run([program, COMPILER], cwd=FOLDER, capture_output=True, text=True, timeout=120)
    assert compiled.returncode == 0, compiled.stdout

    def run(*arguments, status=0):
        command = [program, *map(str, arguments)]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


class Relay:
    """Passes every call on to a real server, and keeps the requests for predictions.

    Args:
        target: the server.
        failures: so many predictions get UNAVAILABLE first.
        credentials: for TLS, by the name localhost.
    """

    def __init__(self, target, failures=0, credentials=None):
        self.requests, self._failures, self._channel = [], failures, grpc.insecure_channel(target)
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers([self])
        if credentials is None:
            self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        else:
            self.address = f"localhost:{self._server.add_secure_port('127.0.0.1:0', credentials)}"
        self._server.start()

    def service(self, details):
        call = self._channel.unary_unary(details.method)

        def behave(request, context):
            if details.method.endswith("ModelInfer"):
                self.requests.append(request)
                if len(self.requests) <= self._failures:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "later")
            return call(request)

        return grpc.unary_unary_rpc_method_handler(behave)

    def close(self):
        self._server.stop(0).wait()
        self._channel.close()


@pytest.fixture
def predict(node, tmp_path):
    """Predict images by the port over a real server: predict(export, images) -> answers, requests."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)

    def run(export, images, *options, **way):
        files = [tmp_path / f"{at}.raw" for at in range(len(images))]
        for image, file in zip(images, files, strict=True):
            file.write_bytes(image.tobytes())
        with start(ServerConfig(model_repository=export.cloud, listen="127.0.0.1:0")) as server:
            relay = Relay(server.address, **way)
            words = ["--bundle", export.edge, "--target", relay.address, "--secret-file", secret, *options]
            said = node("dist/src/cli.js", *words, *files)
            relay.close()
        return [json.loads(line) for line in said.splitlines()], relay.requests

    return run


def test_its_own_tests_pass(node):
    assert "# fail 0" in node("--test", "dist/test/")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": "orthogonal", "components": 4, "channels": 3},
        {"kind": "permutation", "components": 4, "dtype": "float32"},
    ],
    ids=lambda options: options.get("kind", "rotation"),
)
def test_it_predicts_over_a_real_server(predict, new_export, options):
    export = new_export(**options)
    images = export.network.images(2)[[0, 1, 0]]
    answers, requests = predict(export, images)
    wanted = export.network.probabilities(images)  # the plain network, in numpy
    np.testing.assert_allclose([each["probabilities"] for each in answers], wanted, atol=2e-5)
    assert [each["label"] for each in answers] == [export.manifest.labels[at] for at in wanted.argmax(axis=1)]
    assert requests[0] == requests[2] != requests[1]  # one image, one x, to the last bit
    with closing(Device(export.edge, secret=SECRET)) as device:
        sent = device.encode(images[:1]).x
    x = np.frombuffer(pb.ModelInferRequest.FromString(requests[0]).raw_input_contents[0], "<f4")
    np.testing.assert_allclose(x, sent.ravel(), rtol=1e-5, atol=1e-5)  # what Python sends of it


def test_a_retry_sends_the_same_bytes_over_tls_too(predict, new_export, tmp_path):
    export, authority = new_export(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("localhost")
    pair = (certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes())
    images = export.network.images(1)
    answers, requests = predict(
        export,
        images,
        "--ca-cert",
        tmp_path / "ca.pem",
        failures=2,
        credentials=grpc.ssl_server_credentials([pair]),
    )
    np.testing.assert_allclose(
        answers[0]["probabilities"], export.network.probabilities(images)[0], atol=2e-5
    )
    assert len(requests) == 3
    assert requests[0] == requests[1] == requests[2]


def test_what_it_refuses_it_says(node, new_export, tmp_path):
    secret, image = tmp_path / "secret", tmp_path / "0.raw"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    image.write_bytes(bytes(36))

    def said(edge, **replaced):
        options = {"bundle": edge, "target": "127.0.0.1:1", "secret-file": secret, **replaced}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return node("dist/src/cli.js", *words, image, status=1)

    export = new_export(audit=None)
    assert "gave no answer: UNAVAILABLE" in said(export.edge)
    assert "never audited" in said(export.edge)
    assert "must be HOST:PORT" in said(export.edge, target="http://h:1")
    image.write_bytes(bytes(35))
    assert "35 values" in said(export.edge)
    secret.chmod(0o644)
    assert "chmod 600" in said(export.edge)
    secret.chmod(0o600)
    (export.edge / "encoder.onnx").write_bytes(b"another")
    assert "not the graph of its manifest" in said(export.edge)
    archived = new_export("archived", kind="permutation", components=4, archive=True)
    assert "archive" in said(archived.edge)
