"""A small real processing graph, the repository around it, servers on loopback, and a naive oracle."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start

CHANNELS, SIZE, OUT, KERNEL = 2, 5, 3, 3
BUNDLE_ID = "ab" * 32


@dataclass(frozen=True)
class Convolution:
    """h = Φ(x): a convolution without bias, one real weight (D, C, k, k) for both components."""

    weight: np.ndarray

    def graph(self, *, batch="N", **metadata) -> bytes:
        """ONNX bytes: x (N, 2C, H, W), real block first → h (N, 2D, H', W')."""
        both = np.concatenate([self.weight, self.weight])
        h_size = SIZE - KERNEL + 1
        graph = helper.make_graph(
            [helper.make_node("Conv", ["x", "weight"], ["h"], group=2)],
            "processing",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 2 * CHANNELS, SIZE, SIZE])],
            [helper.make_tensor_value_info("h", TensorProto.FLOAT, [batch, 2 * OUT, h_size, h_size])],
            [numpy_helper.from_array(both, "weight")],
        )
        return _serialise(graph, metadata)

    def oracle(self, x: np.ndarray) -> np.ndarray:
        """The same by loops, in complex float64."""
        f = x[:, :CHANNELS].astype(np.float64) + 1j * x[:, CHANNELS:]
        h_size = SIZE - KERNEL + 1
        h = np.zeros((len(x), OUT, h_size, h_size), complex)
        for i in range(h_size):
            for j in range(h_size):
                window = f[:, None, :, i : i + KERNEL, j : j + KERNEL]
                h[:, :, i, j] = (window * self.weight[None]).sum(axis=(2, 3, 4))
        return np.concatenate([h.real, h.imag], axis=1)


def _serialise(graph: onnx.GraphProto, metadata: dict[str, str]) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {f"phasekey.{key}": value for key, value in metadata.items()})
    return model.SerializeToString()


CONFIG = """\
platform: "onnxruntime_onnx"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 4, 5, 5 ] }
output { name: "h" data_type: TYPE_FP32 dims: [ 6, 3, 3 ] }
"""


def parameters(graph: bytes, bundle_id: str = BUNDLE_ID) -> str:
    """What an export adds to the configuration."""
    values = {"phasekey.bundle_id": bundle_id, "phasekey.sha256": hashlib.sha256(graph).hexdigest()}
    return "".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'
        for key, value in values.items()
    )


@pytest.fixture(scope="session")
def convolution() -> Convolution:
    weight = np.random.default_rng(7).standard_normal((OUT, CHANNELS, KERNEL, KERNEL))
    return Convolution(weight.astype(np.float32))


@pytest.fixture(scope="session")
def stamped(convolution):
    """(ONNX bytes, config text) as an export writes them."""
    graph = convolution.graph(format_version="1", bundle_id=BUNDLE_ID, role="processing")
    return graph, CONFIG + parameters(graph)


@pytest.fixture(scope="session")
def plain(convolution):
    """(ONNX bytes, config text) as anybody's Triton repository has them."""
    return convolution.graph(), CONFIG + "instance_group [ { count: 2 kind: KIND_CPU } ]\n"


@pytest.fixture(scope="session")
def write_model():
    """Write one model into a repository: write_model(root, name, (graph, config), version=1) → its folder."""

    def write(root: Path, name: str, model: tuple[bytes, str], version: int = 1) -> Path:
        graph, config = model
        folder = root / name
        (folder / str(version)).mkdir(parents=True)
        (folder / "config.pbtxt").write_text(config)
        (folder / str(version) / "model.onnx").write_bytes(graph)
        return folder

    return write


@pytest.fixture(scope="session")
def repository(tmp_path_factory, write_model, stamped, plain) -> Path:
    """A repository of two models: ``stamped`` and ``plain``."""
    root = tmp_path_factory.mktemp("repository")
    write_model(root, "stamped", stamped)
    write_model(root, "plain", plain)
    return root


@pytest.fixture(scope="session")
def server(repository):
    """A server of that repository on loopback."""
    with start(ServerConfig(repository, listen="127.0.0.1:0", workers=2, max_message_mib=1)) as running:
        yield running


@pytest.fixture
def x() -> np.ndarray:
    """Two samples, (2, 2C, H, W)."""
    generator = np.random.default_rng(11)
    return generator.standard_normal((2, 2 * CHANNELS, SIZE, SIZE)).astype(np.float32)
