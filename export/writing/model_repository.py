"""The cloud's half on disk: a model repository as Triton lays it out."""

from pathlib import Path

from google.protobuf import text_format

from phasekey.bundle import GraphFile, Manifest, TensorSpec, audit_state, metadata
from phasekey.wire import model_config_pb2 as pb

MODEL_FILE = "model.onnx"
MAX_BATCH = 64  # images in one request


def write_config(folder: Path, manifest: Manifest) -> None:
    """Write config.pbtxt.

    Args:
        folder: of one model, <model name>/.
        manifest: name, tensors and checksum come from it.

    Raises:
        OSError: the disk refuses.
    """
    (folder / "config.pbtxt").write_text(config_text(manifest), encoding="utf-8")


def config_text(manifest: Manifest) -> str:
    """config.pbtxt of the processing module; its parameters tie it to the bundle."""
    graph: GraphFile = manifest.processing
    samples = manifest.secret.components if manifest.secret.permutes else 1  # of one image
    config = pb.ModelConfig(
        name=manifest.model_name,
        platform="onnxruntime_onnx",
        max_batch_size=MAX_BATCH * samples,
        input=[pb.ModelInput(name=s.name, data_type=_type(s), dims=_dims(s)) for s in graph.inputs],
        output=[pb.ModelOutput(name=s.name, data_type=_type(s), dims=_dims(s)) for s in graph.outputs],
    )
    config.parameters[metadata.BUNDLE_ID].string_value = manifest.bundle_id
    config.parameters[metadata.SHA256].string_value = graph.sha256
    config.parameters[metadata.PROOF].string_value = manifest.proof.verdict
    config.parameters[metadata.AUDIT].string_value = audit_state(manifest.audit)
    return text_format.MessageToString(config)


_TYPES = {"float32": pb.TYPE_FP32, "float16": pb.TYPE_FP16, "int8": pb.TYPE_INT8}


def _type(spec: TensorSpec) -> pb.DataType:
    return _TYPES[spec.dtype]


def _dims(spec: TensorSpec) -> list[int]:
    # max_batch_size > 0 says that the batch comes first; dims leave it out.
    return [size for size in spec.shape[1:] if size is not None]
