"""The Open Inference Protocol v2 over gRPC, for one event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np

from phasekey.bundle import Manifest
from sdk.errors import ClientClosed
from sdk.transport import messages
from sdk.transport.base import GrpcBase, Line
from sdk.transport.interface import Answer
from sdk.transport.leases import Leases

Array = np.ndarray[Any, np.dtype[Any]]


class AsyncGrpcTransport(GrpcBase):
    """As GrpcTransport, with coroutines; used from the event loop of its first call.

    Arguments are those of GrpcBase.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._closing: set[asyncio.Task[Any]] = set()
        self._leases = Leases(lambda: self._open_channel(grpc.aio), self._close_channel, self._stamp)

    async def check(self, manifest: Manifest) -> None:
        """As GrpcTransport.check."""
        walk, left = messages.check(self._peer, manifest), self._deadline()
        question = messages.advance(walk, None)
        with self._leases.lease() as lease:
            while question is not None:
                call = lease.channel.questions[question.method]
                try:
                    reply, _ = await _open(call, question.request, timeout=left(), metadata=self._token())
                except grpc.RpcError as error:
                    self._renew_if_dead(error, lease)
                    reply = error
                question = messages.advance(walk, reply)

    async def infer(self, x: Array) -> Array:
        """As GrpcTransport.infer."""
        return (await self.exchange(x)).h

    async def exchange(self, x: Array) -> Answer:
        """As GrpcTransport.exchange."""
        request = messages.infer_request(self._peer.model, x)
        with self._leases.lease() as lease:
            try:
                reply, trailing = await _open(
                    lease.channel.infer, request, timeout=self._peer.timeout, metadata=self._token()
                )
            except grpc.RpcError as error:
                self._renew_if_dead(error, lease)
                raise self._peer.error(error, sent=True) from error
        self._count(len(request), len(reply))
        return Answer(messages.infer_reply(self._peer, reply), messages.cloud_seconds(trailing))

    async def close(self) -> None:
        """Close the connection."""
        self._leases.close()
        if self._closing:
            await asyncio.gather(*self._closing)

    def _close_channel(self, line: Line) -> None:
        task = asyncio.ensure_future(line.channel.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _open(call: Any, request: Any, **options: Any) -> Any:
    try:
        running = call(request, **options)
        reply = await running
        return reply, await running.trailing_metadata()
    except (ValueError, grpc.aio.UsageError) as error:  # what gRPC raises on a closed channel
        raise ClientClosed("The client is closed. Make a new one.") from error
