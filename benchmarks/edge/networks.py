"""A network's bundle, and the same split of the real network, which hides nothing, to put beside it."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from benchmarks.graphs import IMAGES, VARIANTS, with_half_wire
from export.graphs import ArchiveEncoder, EdgeDecoder, trace
from export.lowering import lower
from export.pipeline import ExportOptions, export_network
from phasekey.bundle import Manifest
from phasekey.model import SplitNetwork, build_network
from phasekey.model.hiding.decoys import DecoyLaw

Array = np.ndarray[Any, np.dtype[Any]]

CLASSES = 10
REAL, ECHO = "real", "echo"  # names on the server: the real processing graph, and one that computes nothing
CONFIG = """\
name: "{name}"
backend: "onnxruntime"
max_batch_size: 64
input {{ name: "x" data_type: TYPE_FP16 dims: {x} }}
output {{ name: "h" data_type: TYPE_FP16 dims: {h} }}
"""


@dataclass(frozen=True)
class Networks:
    """bundle: an export of k = 2; real_encoder, real_decoder: graphs of the real network's ends.

    archived: the same network, its decoys images of an archive. The bundle's model repository holds its and
    the real processing graph as well, so that one server runs all.
    """

    manifest: Manifest
    bundle: Path
    real_encoder: Path
    real_decoder: Path
    archived: Path

    @property
    def repository(self) -> Path:
        """What the server serves."""
        return self.bundle / "cloud"

    @property
    def processing(self) -> Path:
        """The bundle's processing graph."""
        return self.repository / self.manifest.model_name / "1" / "model.onnx"


def write(arch: str, folder: Path) -> Networks:
    """Build an architecture in both forms, with random weights and a float16 wire, and write all of it.

    Args:
        arch: one of benchmarks.graphs.IMAGES.
        folder: an empty one.
    """
    bundle, archived = folder / "bundle", folder / "archived"
    manifest = _export(arch, "another-input", arch, bundle)
    _write_echo(manifest, bundle / "cloud")
    name = _export(arch, "archive", f"{arch}-archived", archived).model_name
    shutil.copytree(archived / "cloud" / name, bundle / "cloud" / name)
    return Networks(manifest, bundle, *_write_real(_network(arch, "original"), folder), archived)


def _export(arch: str, decoy: DecoyLaw, name: str, folder: Path) -> Manifest:
    torch.manual_seed(0)
    network = _network(arch, "complex", decoy)
    network.sampler.fit(images(arch, 512))
    labels = [str(number) for number in range(CLASSES)]
    return export_network(network, labels, folder, ExportOptions(name=name, wire="float16", score=False))


def images(arch: str, count: int) -> Array:
    """Draw images of noise, (N, H, W, C) uint8."""
    channels, height, width = IMAGES[arch]
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def _network(arch: str, form: Any, decoy: DecoyLaw = "another-input") -> SplitNetwork:
    image, variant = IMAGES[arch], VARIANTS.get(arch)
    return build_network(arch, classes=CLASSES, image=image, variant=variant, form=form, decoy=decoy).eval()


def _write_real(network: SplitNetwork, folder: Path) -> tuple[Path, Path]:
    """Write the real network's three graphs; give where its encoder and its decoder lie."""
    channels, height, width = network.image
    image = torch.zeros(2, height, width, channels, dtype=torch.uint8)
    x, h = torch.randn(2, *network.feature_shape), torch.randn(2, *network.processed_shape)
    encoder, decoder = folder / "encoder.onnx", folder / "decoder.onnx"
    version = folder / "bundle" / "cloud" / REAL / "1"
    version.mkdir(parents=True)
    onnx.save(trace(ArchiveEncoder(network), {"image": image}, ["feature"]), encoder)
    onnx.save(trace(EdgeDecoder(network), {"feature": h}, ["probabilities"]), decoder)
    processing = trace(lower(network.processing, network.feature_shape), {"x": x}, ["h"])
    onnx.save(with_half_wire(processing), version / "model.onnx")
    _configure(version, REAL, x.shape[1:], h.shape[1:])
    return encoder, decoder


def _write_echo(manifest: Manifest, repository: Path) -> None:
    """Write a graph that takes x and gives its first values in the shape of h."""
    x, h = manifest.processing.inputs[0], manifest.processing.outputs[0]
    sizes = [size or 1 for size in h.shape[1:]]
    constants = {
        "flat": [0, -1],
        "start": [0],
        "end": [math.prod(sizes)],
        "axis": [1],
        "h_shape": [0, *sizes],
    }
    nodes = [
        onnx.helper.make_node("Reshape", ["x", "flat"], ["values"]),
        onnx.helper.make_node("Slice", ["values", "start", "end", "axis"], ["first"]),
        onnx.helper.make_node("Reshape", ["first", "h_shape"], ["h"]),
    ]
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, ["N", *port.shape[1:]])
        for name, port in (("x", x), ("h", h))
    ]
    initializers = [onnx.numpy_helper.from_array(np.array(each), name) for name, each in constants.items()]
    graph = onnx.helper.make_graph(nodes, ECHO, ports[:1], ports[1:], initializers)
    version = repository / ECHO / "1"
    version.mkdir(parents=True)
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), version / "model.onnx")
    _configure(version, ECHO, x.shape[1:], h.shape[1:])


def _configure(version: Path, name: str, x: Sequence[int | None], h: Sequence[int | None]) -> None:
    text = CONFIG.format(name=name, x=list(x), h=list(h))
    (version.parent / "config.pbtxt").write_text(text, encoding="utf-8")
