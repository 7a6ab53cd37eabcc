"""The command line: ``python -m cloud_runtime`` and ``phasekey serve``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from cloud_runtime.config import ServerConfig, default_workers
from cloud_runtime.server import serve

_DESCRIPTION = """\
Serve processing modules over the Open Inference Protocol v2 (gRPC).

The model repository is the cloud half of an export, or any Triton-style folder of ONNX graphs:
  NAME/config.pbtxt
  NAME/1/model.onnx        the highest numbered version is served
"""

_EPILOG = """\
example:
  python -m cloud_runtime --model-repository build/digits/cloud --listen 127.0.0.1:8001

Once requests are taken, one line on standard output says where and for which models; everything else
goes to standard error. SIGTERM and Ctrl-C finish the requests taken on, then exit with status 0;
a second one ends it at once.

The connection is not encrypted: listen on a public address only behind a gateway that adds TLS.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser this command's options and help."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    defaults = ServerConfig(Path())
    option = parser.add_argument
    option("--model-repository", type=Path, required=True, metavar="DIR", help="folder of models to serve")
    option(
        "--listen",
        default=defaults.listen,
        metavar="HOST:PORT",
        help="address to take requests on; port 0: any free one (default: %(default)s)",
    )
    option(
        "--threads",
        type=int,
        default=defaults.threads,
        metavar="N",
        help="threads within one run of a graph, 0: every core. 1 serves many clients best, more answer a "
        "lone client sooner (default: %(default)s)",
    )
    option(
        "--workers",
        type=int,
        default=default_workers(),
        metavar="N",
        help="requests worked on at a time (default: this machine's cores and two more, %(default)s)",
    )
    option(
        "--device",
        choices=["cpu", "cuda"],
        default=defaults.device,
        help="where graphs run (default: %(default)s)",
    )
    option(
        "--max-message-mib",
        type=int,
        default=defaults.max_message_mib,
        metavar="MIB",
        help="largest request taken; a larger one gets RESOURCE_EXHAUSTED (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; gives the exit status.

    Raises:
        CloudRuntimeError: the server could not start.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    serve(
        ServerConfig(
            model_repository=args.model_repository,
            listen=args.listen,
            threads=args.threads,
            workers=args.workers,
            device=args.device,
            max_message_mib=args.max_message_mib,
        )
    )
    return 0
