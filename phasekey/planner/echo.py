"""A model that answers at once: what a call costs beside the graphs, measured through it.

It has a bundle's name, tensors and configuration, so that client and server treat it as they treat the real
one; its graph gives zeros of the shape of h.
"""

from pathlib import Path

import onnx
from google.protobuf import text_format
from onnx import TensorProto, helper

from phasekey.bundle import Manifest, TensorSpec
from phasekey.bundle.metadata import BUNDLE_ID, SHA256
from phasekey.planner.errors import PlannerError
from phasekey.wire.model_config_pb2 import ModelConfig

CONFIG, GRAPH = "config.pbtxt", "model.onnx"
OPSET = 20
TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "int8": TensorProto.INT8}


def echo_repository(manifest: Manifest, cloud: Path, folder: Path) -> Path:
    """Write a model repository whose one model answers a bundle's requests with zeros.

    Args:
        manifest: of the bundle.
        cloud: its cloud half.
        folder: empty, for the repository.

    Returns:
        The folder.

    Raises:
        PlannerError: the cloud half is not there.
    """
    path = cloud / manifest.model_name / CONFIG
    if not path.is_file():
        raise PlannerError(
            f"no {path}: a measurement needs both halves of an export; give the folder that holds edge and "
            "cloud"
        )
    config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    config.parameters.pop(SHA256, None)  # that of the real graph
    version = folder / manifest.model_name / "1"
    version.mkdir(parents=True)
    (version.parent / CONFIG).write_text(text_format.MessageToString(config), encoding="utf-8")
    model = _zeros(manifest.processing.inputs[0], manifest.processing.outputs[0])
    helper.set_model_props(model, {BUNDLE_ID: manifest.bundle_id})
    onnx.save(model, version / GRAPH)
    return folder


def _zeros(x: TensorSpec, h: TensorSpec) -> onnx.ModelProto:
    """x (N, …) -> zeros (N, …) like h."""
    _, *sizes = (size or 1 for size in h.shape)
    zero = helper.make_tensor("zero", TYPES[h.dtype], [1], [0])
    nodes = [
        helper.make_node("Shape", [x.name], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "sizes"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], [h.name], value=zero),
    ]
    graph = helper.make_graph(
        nodes, "echo",
        [helper.make_tensor_value_info(x.name, TYPES[x.dtype], ["N", *x.shape[1:]])],
        [helper.make_tensor_value_info(h.name, TYPES[h.dtype], ["N", *h.shape[1:]])],
        [helper.make_tensor("sizes", TensorProto.INT64, [len(sizes)], sizes)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
