"""Reading Triton's model configuration, config.pbtxt, of which we know only a part."""

from __future__ import annotations

import re

from google.protobuf import text_format

from cloud_runtime.errors import CloudRuntimeError
from phasekey.wire.model_config_pb2 import ModelConfig

# A quoted string or a comment (left alone), or a field name right before a list.
_LIST = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*)|\b([A-Za-z_]\w*)\s*\[""")


def parse_model_config(text: str) -> ModelConfig:
    """Parse a configuration in protobuf text format, skipping the fields that we do not know.

    protobuf's skipping trips over a list of messages that has no colon before it, as in
    ``instance_group [ { count: 1 } ]``, Triton's usual way to write it. The colon is optional in the
    format, so it is put in first.

    Raises:
        CloudRuntimeError: the text is not in that format; says where.
    """
    with_colons = _LIST.sub(lambda match: match[1] or f"{match[2]}: [", text)
    try:
        return text_format.Parse(with_colons, ModelConfig(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise CloudRuntimeError(f"not a model configuration in protobuf text format: {error}") from error
