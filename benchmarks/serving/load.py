"""The client: a closed loop with a fixed number of requests in flight. The same for all servers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from phasekey.wire.service import METHODS

OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
TIMEOUT = 60.0  # seconds for one call
LEAST = 20  # calls of a slice, however long they take

Call = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Sample:
    """One slice: latencies in seconds of the calls that ended in it, how long it took, and the last reply."""

    latencies: tuple[float, ...]
    seconds: float
    reply: bytes

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the calls stayed below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Client:
    """One connection to a server; bytes in, bytes out, so that the client's own work is small."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, OPTIONS)
        self._infer = self._channel.unary_unary(
            METHODS["ModelInfer"].path, request_serializer=None, response_deserializer=None
        )

    async def infer(self, request: bytes) -> bytes:
        """One call.

        Raises:
            grpc.RpcError: it was refused or failed.
        """
        reply: bytes = await self._infer(request, timeout=TIMEOUT)
        return reply

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close(None)


async def closed_loop(
    call: Call,
    request: bytes,
    *,
    in_flight: int,
    seconds: float,
    lead: float = 0.2,
    clock: Callable[[], float] = time.perf_counter,
) -> Sample:
    """Keep a number of calls in flight for a while.

    Args:
        call: makes one call.
        request: what each sends.
        in_flight: how many are under way at any time.
        seconds: for how long, after `lead` seconds that don't count; longer for the first LEAST calls.
        lead: until the loop is in its stride.
        clock: seconds from any origin.

    Raises:
        grpc.RpcError: a call failed.
    """
    latencies: list[float] = []
    last = b""
    begin = clock() + lead
    end = begin + seconds
    over = begin

    async def caller() -> None:
        nonlocal last, over
        while (start := clock()) < end or len(latencies) < LEAST:
            last = await call(request)
            done = clock()
            if begin <= done and (done < end or len(latencies) < LEAST):
                latencies.append(done - start)
                over = max(end, done)

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return Sample(tuple(latencies), over - begin, last)
