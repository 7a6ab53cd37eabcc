"""A real server on loopback, a transport without any network, and servers that answer what they please."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.graph_runtime import GraphSession
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import METHODS, SERVICE


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory, monkeypatch):
    """Each test is a device of its own: what one remembers of encoders is not another's."""
    monkeypatch.setenv("PHASEKEY_DATA_DIR", str(tmp_path_factory.mktemp("device")))


@contextmanager
def _serve(export):
    running = start(ServerConfig(model_repository=export.cloud, listen="127.0.0.1:0", workers=4))
    try:
        yield running
    finally:
        running.stop(0)


@pytest.fixture(scope="session")
def server(small_export):
    """Serve the small export by the real cloud runtime."""
    with _serve(small_export) as running:
        yield running


@pytest.fixture
def serve():
    """Serve another export: with serve(export) as running."""
    return _serve


class InMemoryTransport:
    """Runs the real processing graph in this process, and keeps every x that it was given."""

    def __init__(self, export) -> None:
        self._graph = GraphSession(export.cloud / export.manifest.model_name / "1" / "model.onnx")
        self._lock = threading.Lock()
        self.sent, self.checks, self.closed = [], 0, False
        self.alter = lambda h: h

    @property
    def bytes_up(self):
        return sum(x.nbytes for x in self.sent)

    @property
    def bytes_down(self):
        return 7

    def check(self, manifest):
        self.checks += 1

    def infer(self, x):
        with self._lock:
            self.sent.append(x.copy())
        return self.alter(self._graph.run({"x": x})["h"])

    def close(self):
        self.closed = True


@pytest.fixture
def memory(small_export):
    return InMemoryTransport(small_export)


@pytest.fixture
def in_memory():
    """Make a transport without a network for another export: in_memory(export)."""
    return InMemoryTransport


@pytest.fixture
def fake_server(small_export):
    """Serve chosen behaviours: fake_server(ModelInfer=lambda request, context: ...) -> address.

    What is not chosen answers as a server of the small export would.
    """
    servers = []

    def serve_fake(**chosen):
        behaviours = {**_honest(small_export.manifest), **chosen}
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                behaviour,
                request_deserializer=METHODS[name].request.FromString,
                response_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
            )
            for name, behaviour in behaviours.items()
            if behaviour is not None
        }
        fake = grpc.server(ThreadPoolExecutor(2))
        fake.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        port = fake.add_insecure_port("127.0.0.1:0")
        fake.start()
        servers.append(fake)
        return f"127.0.0.1:{port}"

    yield serve_fake
    for fake in servers:
        fake.stop(0).wait()


def _honest(manifest):
    def metadata(request, context):
        reply = pb.ModelMetadataResponse(name=request.name)
        for ports, specs in (
            (reply.inputs, manifest.processing.inputs),
            (reply.outputs, manifest.processing.outputs),
        ):
            for spec in specs:
                ports.add(name=spec.name, datatype="FP32", shape=[-1, *spec.shape[1:]])
        return reply

    return {
        "ServerReady": lambda request, context: pb.ServerReadyResponse(ready=True),
        "ModelReady": lambda request, context: pb.ModelReadyResponse(
            ready=request.name == manifest.model_name
        ),
        "ModelMetadata": metadata,
        "ModelInfer": None,
    }


@pytest.fixture
def abort():
    """Make a behaviour that fails: abort("NOT_FOUND", "text")."""

    def make(code, text=""):
        return lambda request, context: context.abort(getattr(grpc.StatusCode, code), text)

    return make


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """Give a certificate for localhost and its key, made with the openssl command."""
    import shutil
    import subprocess

    if shutil.which("openssl") is None:
        pytest.skip("no openssl command here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key -out cert"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return SimpleNamespace(key=(folder / "key").read_bytes(), certificate=(folder / "cert").read_bytes())
