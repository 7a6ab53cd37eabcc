"""Reading Triton's model configuration, config.pbtxt."""

from __future__ import annotations

from google.protobuf import text_format

from cloud_runtime.errors import CloudRuntimeError
from phasekey.wire.model_config_pb2 import ModelConfig


def parse_model_config(text: str) -> ModelConfig:
    """Parse a configuration in protobuf text format. All of Triton's fields are known; heeded are fewer.

    Raises:
        CloudRuntimeError: not in that format, or with a field that is none of Triton's; says where.
    """
    try:
        return text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        raise CloudRuntimeError(f"not a model configuration in protobuf text format: {error}") from error
