"""What export writes, served by a stock Triton: the same answers as from our own runtime.

Triton comes as a wheel, nvidia-pytriton, which is large and fixes versions of its own; so it has a virtual
environment to itself. docs/triton.md tells how to make one; PHASEKEY_TRITON_VENV says where it is.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import np_to_triton_dtype

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.bundle import load_manifest
from phasekey.graph_runtime import GraphSession
from sdk import EdgeClient
from sdk.wire_format import to_wire

VENV = os.environ.get("PHASEKEY_TRITON_VENV")
pytestmark = pytest.mark.skipif(
    not VENV,
    reason="PHASEKEY_TRITON_VENV is not set: it needs an environment with nvidia-pytriton and onnxruntime, "
    "see docs/triton.md",
)
START, STOP = 60, 60  # seconds; it takes two
SECRET = bytes(range(32))
KINDS = ("exported", "coarse", "small_export")  # float16, int8 and float32 on the wire
# Two builds of ONNX Runtime may round differently: the last bit of float16, one step of int8.
TOLERANCE = {"float32": 1e-5, "float16": 2e-3, "int8": 1.001}


class Triton:
    """The server of the wheel, as the wheel's own launcher starts it."""

    def __init__(self, folder: Path) -> None:
        venv = Path(str(VENV))
        (packages,) = venv.glob("lib/python3.*/site-packages")
        version = packages.parent.name.removeprefix("python")
        library = subprocess.check_output(
            [venv / "bin/python", "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"],
            text=True,
        )
        server = packages / "pytriton/tritonserver"
        self.binary, self.backends = server / "bin/tritonserver", folder / "backends"
        shutil.copytree(server / "backends", self.backends)
        stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
        shutil.copy(stub, self.backends / "python")
        self.environment = {
            "LD_LIBRARY_PATH": f"{library.strip()}:{packages / 'nvidia_pytriton.libs'}",
            "PYTHONPATH": str(packages),
            "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }

    @contextmanager
    def process(self, repository: Path, log: Path):
        """Run it on a free port: gives (process, address)."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [self.binary, f"--model-repository={repository}", f"--backend-directory={self.backends}"]
        command += ["--grpc-address=127.0.0.1", f"--grpc-port={port}"]
        command += ["--allow-http=false", "--allow-metrics=false", "--exit-timeout-secs=5"]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=self.environment)
            try:
                yield process, f"127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(STOP)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Triton:
    return Triton(tmp_path_factory.mktemp("triton"))


@pytest.fixture(scope="module")
def exports(request):
    """Three exports by kind."""
    return {kind: request.getfixturevalue(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def address(server, exports, tmp_path_factory):
    """A Triton that serves all three, with the Python backend in place of the one that the wheel lacks."""
    folder = tmp_path_factory.mktemp("repository")
    for export in exports.values():
        shutil.copytree(export.cloud, folder / "models", dirs_exist_ok=True)
    for config in (folder / "models").glob("*/config.pbtxt"):
        changed, count = re.subn('platform: "onnxruntime_onnx"', 'backend: "python"', config.read_text())
        assert count == 1
        config.write_text(changed)
        shutil.copy(Path(__file__).with_name("triton_model.py"), config.parent / "1/model.py")
    log = folder / "log"
    with server.process(folder / "models", log) as (process, address):
        client, deadline = triton.InferenceServerClient(address), time.monotonic() + START
        while not _ready(client):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        client.close()
        yield address


def _ready(client) -> bool:
    try:
        return client.is_server_ready(client_timeout=1)
    except triton.InferenceServerException:
        return False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 5, 64])
def test_a_stock_client_gets_what_our_runtime_computes(address, exports, kind, batch) -> None:
    export = exports[kind]
    manifest = load_manifest(export.edge)
    spec = manifest.processing.inputs[0]
    values = np.random.default_rng(batch).normal(size=(batch, *spec.shape[1:])).astype(np.float32)
    x = to_wire(values, manifest.wire)
    tensor = triton.InferInput("x", x.shape, np_to_triton_dtype(x.dtype))
    tensor.set_data_from_numpy(x)
    with triton.InferenceServerClient(address) as client:
        found = client.infer(manifest.model_name, [tensor], client_timeout=60).as_numpy("h")
    graph = GraphSession(export.cloud / manifest.model_name / "1/model.onnx")
    expected = graph.run({"x": x})["h"]
    assert found.dtype == expected.dtype == spec.dtype
    assert np.abs(expected.astype(np.float64)).max() > 0.1
    scale = 1 if spec.dtype == "int8" else np.abs(expected.astype(np.float64)).max()
    gap = np.abs(found.astype(np.float64) - expected).max() / scale
    assert gap <= TOLERANCE[spec.dtype]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sdk_predicts_through_either_server_alike(address, exports, kind) -> None:
    export = exports[kind]
    images = export.network.images(20) if kind == "small_export" else export.images
    results = []
    with start(ServerConfig(export.cloud, listen="127.0.0.1:0")) as ours:
        for target in (address, ours.address):
            with EdgeClient(export.edge, target, secret=SECRET) as client:
                results.append(client.predict(images))
    stock, own = results
    assert stock.labels == own.labels
    assert len(set(own.labels)) > 1
    np.testing.assert_allclose(stock.probabilities, own.probabilities, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_triton_reads_our_configuration_as_it_was_meant(address, exports, kind) -> None:
    """What Triton says it understood, against what export wrote; the backend is the one thing changed."""
    manifest = load_manifest(exports[kind].edge)
    text = (exports[kind].cloud / manifest.model_name / "config.pbtxt").read_text()
    written = text_format.Parse(text, model_config_pb2.ModelConfig())
    with triton.InferenceServerClient(address) as client:
        understood = client.get_model_config(manifest.model_name).config
    for field in ("name", "max_batch_size", "input", "output", "parameters"):
        assert getattr(understood, field) == getattr(written, field), field


def test_our_configuration_unchanged_lacks_nothing_but_the_backend(server, exports, tmp_path) -> None:
    said = _refusal(server, exports["exported"].cloud, tmp_path / "log")
    assert "unable to find backend library for backend 'onnxruntime'" in said


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [("max_batch_size: 64", "max_batch_size: -1"), ("output {", "outputs {")],
)
def test_a_configuration_that_is_wrong_is_refused_as_such(
    server, exports, tmp_path, pattern, replacement
) -> None:
    """The counterpart: Triton looks at the configuration before it looks for the backend."""
    cloud = shutil.copytree(exports["exported"].cloud, tmp_path / "cloud")
    (config,) = cloud.glob("*/config.pbtxt")
    text = config.read_text()
    assert text.count(pattern) == 1
    config.write_text(text.replace(pattern, replacement))
    assert "unable to find backend library" not in _refusal(server, cloud, tmp_path / "log")


def _refusal(server: Triton, repository: Path, log: Path) -> str:
    with server.process(repository, log) as (process, _):
        assert process.wait(START) != 0
    return log.read_text()
