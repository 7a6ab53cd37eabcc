"""Our reader against Triton's messages, given fields of every kind."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as public

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.model_config import parse_model_config

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


def test_a_full_configuration_is_read_as_triton_reads_it():
    theirs = text_format.Parse(TRITONS, public.ModelConfig())
    ours = parse_model_config(TRITONS)
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
def test_what_is_no_configuration(text):
    with pytest.raises(CloudRuntimeError, match="not a model configuration"):
        parse_model_config(text)


def test_an_empty_configuration_leaves_everything_open():
    assert parse_model_config("# nothing").ListFields() == []
