"""Our reader against Triton's messages, given fields of every kind."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as public

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.repository.files import read_model

TRITONS = r"""
name: "densenet"  # not a list: instance_group [ { } ]
backend: 'onnxruntime'
max_batch_size: 8
input [
  { name: "a [ {\" b" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] reshape { shape: [ 1, 3, 224, 224 ] } },
  { name: "it's" data_type: TYPE_INT64 format: FORMAT_NONE dims: [ ] }
]
output { name: "y" data_type: TYPE_FP32 dims: 1000 label_filename: "labels.txt" }
instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_GPU gpus: [ 0, 1 ] } ]
version_policy: { specific { versions: [ 1, 3 ] } }
optimization {
  execution_accelerators {
    gpu_execution_accelerator : [ { name : "tensorrt" parameters { key: "precision_mode" value: "FP16" } } ]
    cpu_execution_accelerator [{ name: "openvino" }]
  }
}
dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 }
model_warmup [ { name: "w" inputs { key: "a" value { data_type: TYPE_FP32 dims: [ 3 ] zero_data: true } } } ]
parameters { key: "phasekey.sha256" value: { string_value: "00ff" } }
parameters [ { key: "other" value { string_value: "[ { # }" } } ]
"""


def read(folder, text):
    """The configuration as the repository reads it."""
    (folder / "m" / "1").mkdir(parents=True)
    (folder / "m" / "1" / "model.onnx").touch()
    (folder / "m" / "3").mkdir()
    (folder / "m" / "3" / "model.onnx").touch()
    (folder / "m" / "config.pbtxt").write_text(text)
    return read_model(folder, "m")[0].config


def test_a_full_configuration_is_read_as_triton_reads_it(tmp_path):
    text = TRITONS.replace('name: "densenet"', 'name: "m"').replace('"phasekey.sha256"', '"sha256"')
    ours, theirs = read(tmp_path, text), text_format.Parse(text, public.ModelConfig())
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
    assert ours.dynamic_batching.max_queue_delay_microseconds == 100


@pytest.mark.parametrize(
    "text",
    [
        "input [ { name:",
        "max_batch_size: many",
        "name: \x00",
        "input [ { } ",
        "max_batch_sizes: 8",
        "instance_group [ { kinds: KIND_CPU } ]",
    ],
)
def test_what_is_no_configuration(tmp_path, text):
    with pytest.raises(CloudRuntimeError, match="not a model configuration"):
        read(tmp_path, text)


def test_an_empty_configuration_leaves_everything_open(tmp_path):
    assert read(tmp_path, "# nothing").ListFields() == []
