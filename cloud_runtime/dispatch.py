"""Between gRPC and the servicer: bytes to messages, and errors to statuses by who is at fault.

A client learns what it did wrong. Of what went wrong in here it learns nothing, and neither does the
log learn anything of a request: exceptions are logged by type and place, because their texts may quote
what was being worked on.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError, Message

from cloud_runtime.errors import InvalidInputError, ModelNotFoundError, RequestError
from phasekey.wire.service import METHODS, SERVICE, Method

# Names in a request may be of any length; a status travels in headers, which have a limit (8 KiB).
_MAX_DETAILS = 1000

_logger = logging.getLogger(__name__)


def make_handler(behaviours: Mapping[str, Callable[[Any], Message]]) -> grpc.GenericRpcHandler[Any, Any]:
    """Make the service of these methods: one function from request to response message by each name.

    gRPC hands over bytes, so that a message that does not parse gets a status from here as well.
    """
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            name: grpc.unary_unary_rpc_method_handler(_respond(METHODS[name], behaviour))
            for name, behaviour in behaviours.items()
        },
    )


def _respond(
    method: Method, behaviour: Callable[[Any], Message]
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def respond(data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return behaviour(_parse(method, data)).SerializeToString()
        except RequestError as error:
            _abort(context, _status_of(error), str(error))
        except Exception as error:  # the last line before gRPC, which would send and log its text
            _logger.error("%s failed: %s", method.name, _locate(error))
            _abort(context, grpc.StatusCode.INTERNAL, "internal error")

    return respond


def _parse(method: Method, data: bytes) -> Message:
    try:
        return method.request.FromString(data)
    except DecodeError as error:
        raise InvalidInputError(f"The request is not a {method.request.DESCRIPTOR.name} message.") from error


def _status_of(error: RequestError) -> grpc.StatusCode:
    if isinstance(error, ModelNotFoundError):
        return grpc.StatusCode.NOT_FOUND
    return grpc.StatusCode.INVALID_ARGUMENT


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text if len(text) <= _MAX_DETAILS else f"{text[:_MAX_DETAILS]}…")


def _locate(error: BaseException) -> str:
    """Write an exception and its causes by type and place, without their texts."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    cause = f", caused by {_locate(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}{place}{cause}"
