"""Logs on standard error: lines for people, or JSON for collectors."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from cloud_runtime.config import ServerConfig

_TEXT = "%(asctime)s %(levelname)s %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}


def set_up_logs(config: ServerConfig, stream: TextIO = sys.stderr) -> None:
    """Send every record of this process to a stream.

    A stream that cannot be written to (a full disk) costs its records, never a request: what cannot be
    logged is let go.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(config))
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False  # else each record that is lost would print a traceback, to the same disk


def _formatter(config: ServerConfig) -> logging.Formatter:
    if config.log_format == "text":
        return logging.Formatter(_TEXT)
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(_JSON, rename_fields=_NAMES)
