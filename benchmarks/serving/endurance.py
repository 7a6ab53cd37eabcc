"""Our server under too much and over very many: a flood beside a quiet client, and memory in the end."""

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from benchmarks.serving.load import Client, closed_loop
from benchmarks.serving.process import Server
from benchmarks.serving.workload import Workload

FLOOD_BATCH = 64
QUIET_SECONDS = 3.0
CHUNKS = 20


@dataclass(frozen=True)
class Flood:
    """quiet, under: the other client's p50 in ms; memory: MB that the server took on; by status how many."""

    requests: int
    quiet: float
    under: float
    under_calls: int
    memory: float
    statuses: dict[str, int]
    wrong: int
    seconds: float


@dataclass(frozen=True)
class Growth:
    """Memory in MB after each twentieth of the requests; the first tells how the server started out."""

    requests: int
    memory: tuple[float, ...]

    @property
    def grown(self) -> float:
        """From the second twentieth to the last."""
        return self.memory[-1] - self.memory[1]


async def flood(server: Server, workload: Workload, folder: Path, requests: int) -> Flood:
    """Send very many large requests at once from one client, while another sends small ones one by one."""
    client = Client(server.address)
    request = workload.requests[1]
    quiet = await closed_loop(client.infer, request, in_flight=1, seconds=QUIET_SECONDS)
    before = peak = server.memory()
    (folder / "flood.bin").write_bytes(workload.requests[FLOOD_BATCH])
    command = [sys.executable, "-m", "benchmarks.serving.flood", server.address, str(requests)]
    process = subprocess.Popen([*command, folder], stdout=subprocess.PIPE, text=True)
    latencies: list[float] = []
    wrong = 0
    while process.poll() is None:
        start = asyncio.get_running_loop().time()
        try:
            wrong += not workload.is_right(1, await client.infer(request))
            latencies.append(asyncio.get_running_loop().time() - start)
        except grpc.RpcError as error:
            latencies.append(asyncio.get_running_loop().time() - start)
            print(f"the other client was refused: {error.code().name}", file=sys.stderr)
        peak = max(peak, server.memory())
    found = json.loads(process.communicate()[0])
    await client.close()
    replies = (folder / "replies").glob("*.bin")
    wrong += sum(not workload.is_right(FLOOD_BATCH, path.read_bytes()) for path in replies)
    return Flood(
        requests,
        quiet.percentile(0.5) * 1e3,
        statistics.median(latencies or [float("nan")]) * 1e3,
        len(latencies),
        peak - before,
        found["statuses"],
        wrong,
        found["seconds"],
    )


async def growth(server: Server, workload: Workload, requests: int, step: Callable[[int], None]) -> Growth:
    """The server's memory over many requests, 16 in flight."""
    client, memory = Client(server.address), []
    each = requests // CHUNKS

    async def caller(count: int) -> None:
        for _ in range(count):
            await client.infer(workload.requests[1])
            step(1)

    for _ in range(CHUNKS):
        await asyncio.gather(*(caller(each // 16 + (number < each % 16)) for number in range(16)))
        memory.append(server.memory())
    await client.close()
    return Growth(each * CHUNKS, tuple(memory))
