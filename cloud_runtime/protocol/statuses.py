"""Errors to gRPC's statuses, by who is at fault.

A client learns what it did wrong. Of what went wrong in here it learns an id, and the log has the same id
with the type and the place, never the text: that may quote what was being worked on.
"""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections import Counter
from pathlib import Path
from typing import NoReturn

import grpc

from cloud_runtime import errors
from cloud_runtime.serving.statistics import Reason

_Code = grpc.StatusCode
# Names in a request may be of any length; a status travels in headers, which have a limit (8 KiB).
_MAX_DETAILS = 1000

# Triton's codes, where Triton has the case; see the table in docs/serving.md.
_CODES: dict[type[errors.RequestError], tuple[grpc.StatusCode, Reason]] = {
    errors.InvalidInputError: (_Code.INVALID_ARGUMENT, "OTHER"),
    errors.ModelNotFoundError: (_Code.NOT_FOUND, "OTHER"),
    errors.OverloadedError: (_Code.RESOURCE_EXHAUSTED, "REJECTED"),
    errors.NotServingError: (_Code.UNAVAILABLE, "REJECTED"),
    errors.DeadlineError: (_Code.DEADLINE_EXCEEDED, "REJECTED"),
    errors.CallCancelledError: (_Code.CANCELLED, "CANCELED"),
    errors.UnauthenticatedError: (_Code.UNAUTHENTICATED, "REJECTED"),
    errors.ForbiddenError: (_Code.PERMISSION_DENIED, "REJECTED"),
}

_logger = logging.getLogger(__name__)


class Refusals:
    """How many calls were not answered, by method and code. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock, self._counts = threading.Lock(), Counter[tuple[str, str]]()

    def count(self, method: str, code: grpc.StatusCode) -> None:
        """Count one."""
        with self._lock:
            self._counts[method, code.name] += 1

    def snapshot(self) -> dict[tuple[str, str], int]:
        """Return the counts so far by (method, code)."""
        with self._lock:
            return dict(self._counts)


def reason_of(error: Exception) -> Reason:
    """Give Triton's label for what kept a request from being answered."""
    return _CODES[type(error)][1] if isinstance(error, errors.RequestError) else "BACKEND"


def explain(method: str, error: Exception) -> tuple[grpc.StatusCode, str]:
    """Give a client's status for an error; one of our own is logged."""
    if isinstance(error, errors.RequestError):
        text = str(error)
        return _CODES[type(error)][0], text if len(text) <= _MAX_DETAILS else f"{text[:_MAX_DETAILS]}…"
    incident = secrets.token_hex(6)
    _logger.error(
        "%s failed, incident %s: %s",
        method,
        incident,
        locate(error),
        extra={"method": method, "incident": incident},
    )
    return _Code.INTERNAL, f"internal error {incident}"


def abort(context: grpc.ServicerContext, method: str, error: Exception, refusals: Refusals) -> NoReturn:
    """End a call with the status of an error; raises what gRPC wants raised."""
    code, text = explain(method, error)
    refusals.count(method, code)
    context.abort(code, text)


def locate(error: BaseException) -> str:
    """Write an exception and its causes by type and place, without their texts."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    cause = f", caused by {locate(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}{place}{cause}"
