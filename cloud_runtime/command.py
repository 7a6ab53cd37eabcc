"""The command line: ``python -m cloud_runtime`` and ``phasekey serve``."""

from __future__ import annotations

import argparse

from phasekey.command import require_extra

_PACKAGES = ("grpc_health", "grpc_reflection", "prometheus_client", "pydantic_settings", "pythonjsonlogger")

_DESCRIPTION = """\
Serve processing modules over the Open Inference Protocol v2 (gRPC).

The model repository is the cloud half of an export, or any Triton-style folder of ONNX graphs:
  NAME/config.pbtxt
  NAME/1/model.onnx        the highest numbered version is served, unless its version_policy says otherwise
"""

_EPILOG = """\
examples:
  python -m cloud_runtime --model-repository build/digits/cloud --listen 127.0.0.1:8001
  python -m cloud_runtime --model-repository /models --listen 0.0.0.0:8001 --http 0.0.0.0:8002 \\
      --tls-certificate server.pem --tls-key server.key --token-file tokens --drain-delay 5

Every setting can also come from the environment (PHASEKEY_LISTEN=...) or from a TOML file (--config FILE,
listen = "..."); flags come first, then the environment, then the file.

Once requests are taken, one line on standard output says where and for which models; everything else
goes to standard error. SIGTERM and Ctrl-C finish the requests taken on, then exit with status 0;
a second one ends it at once.

docs/serving.md tells how to run it in production.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser this command's options and help.

    Raises:
        PhasekeyError: the packages of the cloud extra are missing.
    """
    require_extra("cloud", "the cloud runtime", _PACKAGES)
    from cloud_runtime.settings import add_flags

    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; then the process ends with status 0.

    Raises:
        CloudRuntimeError: the server could not start.
    """
    from cloud_runtime.process import serve
    from cloud_runtime.settings import read_settings

    return serve(read_settings(args))
