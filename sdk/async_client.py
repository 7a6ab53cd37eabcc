"""The client for an event loop: the same walks as EdgeClient's, awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, TypeVar

from edge_runtime.images import Images
from sdk.connected import Connected
from sdk.core.steps import Check, Done, Walk, advance
from sdk.core.streaming import OnError, Outcome, check_options, sorted_out
from sdk.prediction import Prediction

_Result = TypeVar("_Result")


class AsyncEdgeClient(Connected):
    """EdgeClient for asyncio: the same arguments, and ``await`` before each call.

    The graphs run in threads, so the event loop stays free. Use it from one loop, in an ``async with`` block.
    """

    @staticmethod
    def _transport_class() -> type[Any]:
        from sdk.transport.grpc_aio import AsyncGrpcTransport  # here: a transport of one's own needs no gRPC

        return AsyncGrpcTransport

    async def predict(self, images: Images, *, crowd: bool = False) -> Prediction:
        """As ``EdgeClient.predict``."""
        return await self._run(self._guarded(self._predicting(images, crowd=crowd)))

    async def predict_stream(
        self,
        images: Iterable[Any] | AsyncIterable[Any],
        *,
        batch: int = 1,
        on_error: OnError = "raise",
    ) -> AsyncIterator[Any]:
        """As ``EdgeClient.predict_stream``; ``images`` may be an async generator too."""
        check_options(images, batch, on_error)
        pending: deque[asyncio.Task[list[Outcome]]] = deque()
        room = asyncio.Semaphore(self._config.concurrency)
        window = 2 * self._config.concurrency
        try:
            async for items in _chunks(images, batch):
                pending.append(asyncio.create_task(self._chunk(items, room)))
                while pending and (len(pending) >= window or pending[0].done()):
                    for each in sorted_out(await pending.popleft(), on_error):
                        yield each
            while pending:
                for each in sorted_out(await pending.popleft(), on_error):
                    yield each
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def warm_up(self) -> None:
        """As ``EdgeClient.warm_up``."""
        await self._run(self._guarded(self._connecting()))
        await asyncio.to_thread(self._exercise)

    async def close(self) -> None:
        """As ``EdgeClient.close``."""
        self._closed = True
        await self._transport.close()
        super().close()

    async def __aenter__(self) -> AsyncEdgeClient:
        """Check the server at once, so that a wrong address shows before any work is done."""
        try:
            await self._run(self._guarded(self._connecting()))
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _chunk(self, items: list[Any], room: asyncio.Semaphore) -> list[Outcome]:
        async with room:
            return await self._run(self._outcomes(items))

    async def _run(self, walk: Walk[_Result]) -> _Result:
        step = await asyncio.to_thread(advance, walk)
        while not isinstance(step, Done):
            try:
                if isinstance(step, Check):
                    outcome: Any = await self._transport.check(self._manifest)
                else:
                    outcome = await self._send(step.x)
            except Exception as error:
                outcome = error
            step = await asyncio.to_thread(advance, walk, outcome)
        return step.result


async def _chunks(images: Iterable[Any] | AsyncIterable[Any], size: int) -> AsyncIterator[list[Any]]:
    chunk: list[Any] = []
    async for image in _as_async(images):
        chunk.append(image)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _as_async(images: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield image
    else:
        for image in images:
            yield image
