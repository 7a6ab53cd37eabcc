"""The Open Inference Protocol v2 over gRPC, for threads that wait."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np

from phasekey.bundle import Manifest
from sdk.errors import ClientClosed
from sdk.transport import messages
from sdk.transport.base import GrpcBase
from sdk.transport.interface import Answer
from sdk.transport.leases import Leases

Array = np.ndarray[Any, np.dtype[Any]]


class GrpcTransport(GrpcBase):
    """The Open Inference Protocol v2 over gRPC. Safe to use from several threads at once.

    Arguments are those of GrpcBase.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._leases = Leases(
            lambda: self._open_channel(grpc), lambda line: line.channel.close(), self._stamp
        )

    def check(self, manifest: Manifest) -> None:
        """Ask the server whether it is ready, has the model, and means the same tensors by it.

        Raises:
            SdkError: says which of these fails, and what to do.
        """
        walk, left = messages.check(self._peer, manifest), self._deadline()
        question = messages.advance(walk, None)
        with self._leases.lease() as lease:
            while question is not None:
                call = lease.channel.questions[question.method]
                try:
                    reply, _ = _open(call, question.request, timeout=left(), metadata=self._token())
                except grpc.RpcError as error:
                    self._renew_if_dead(error, lease)
                    reply = error
                question = messages.advance(walk, reply)

    def infer(self, x: Array) -> Array:
        """Send x and return h, as the reply has it: the client checks its shape.

        Raises:
            SdkError: the call failed, or the reply holds no tensor ``h``.
        """
        return self.exchange(x).h

    def exchange(self, x: Array) -> Answer:
        """As infer, with what else is known of the answer."""
        request = messages.infer_request(self._peer.model, x)
        with self._leases.lease() as lease:
            try:
                reply, call = _open(
                    lease.channel.infer, request, timeout=self._peer.timeout, metadata=self._token()
                )
            except grpc.RpcError as error:
                self._renew_if_dead(error, lease)
                raise self._peer.error(error, sent=True) from error
        self._count(len(request), len(reply))
        return Answer(
            messages.infer_reply(self._peer, reply), messages.cloud_seconds(call.trailing_metadata())
        )

    def close(self) -> None:
        """Close the connection."""
        self._leases.close()


def _open(call: Any, request: Any, **options: Any) -> Any:
    try:
        return call.with_call(request, **options)
    except ValueError as error:  # what gRPC raises on a closed channel
        raise ClientClosed("The client is closed. Make a new one.") from error
