"""Requests a second and latencies: all servers in turn, round after round, one slice each."""

import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.interleave import Spread
from benchmarks.serving.load import Client, closed_loop
from benchmarks.serving.process import Server, pinned
from benchmarks.serving.workload import Workload

IN_PROCESS = "in process"


@dataclass(frozen=True)
class Scenario:
    """A closed loop."""

    in_flight: int
    batch: int

    def __str__(self) -> str:
        return f"{self.in_flight} in flight, batch {self.batch}"


SCENARIOS = (Scenario(1, 1), Scenario(16, 1), Scenario(4, 8))


@dataclass(frozen=True)
class Slice:
    """What one slice gave. Latencies in ms, None in process; CPU time of the server for a request in ms."""

    rate: float
    cpu: float
    p50: float | None = None
    p99: float | None = None


@dataclass
class Table:
    """All slices, by scenario and name, in the order of the rounds."""

    slices: dict[tuple[Scenario, str], list[Slice]] = field(default_factory=lambda: defaultdict(list))

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for _, name in self.slices))

    def ratio(self, scenario: Scenario, name: str, over: str) -> Spread:
        """Of requests a second, round by round."""
        pairs = zip(self.slices[scenario, name], self.slices[scenario, over], strict=True)
        return Spread.of([one.rate / other.rate for one, other in pairs])

    def cpu_ratio(self, scenario: Scenario, name: str, over: str) -> Spread:
        """Of CPU time for a request, round by round, the other way round: higher is better."""
        pairs = zip(self.slices[scenario, name], self.slices[scenario, over], strict=True)
        return Spread.of([other.cpu / one.cpu for one, other in pairs])

    def median(self, scenario: Scenario, name: str, figure: Callable[[Slice], float]) -> float:
        """Of a figure over the rounds."""
        return statistics.median(figure(item) for item in self.slices[scenario, name])


class InProcess:
    """ONNX Runtime alone, in a process on the servers' core, started in a folder that holds the programs."""

    def __init__(self, python: Path, folder: Path, workload: Workload, core: int) -> None:
        for batch, x in workload.inputs.items():
            np.save(folder / f"{batch}.npy", x)
        self._folder = folder
        command = pinned([python, folder / "in_process.py", workload.graph], core)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def measure(self, batch: int, seconds: float) -> Slice:
        """Runs a second; blocks."""
        print(seconds, self._folder / f"{batch}.npy", file=self._process.stdin)
        rate, cpu = map(float, next(iter(self._process.stdout or ())).split())
        return Slice(rate, cpu * 1e3)

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


async def measure(
    servers: Mapping[str, Server],
    base: InProcess,
    workload: Workload,
    *,
    rounds: int,
    seconds: float,
    scenarios: Sequence[Scenario] = SCENARIOS,
    step: Callable[[str], None],
) -> Table:
    """Measure every server in every scenario, in an order that flips from round to round.

    Raises:
        ValueError: a server's answer is wrong.
        grpc.RpcError: a call failed.
    """
    table = Table()
    clients = {name: Client(server.address) for name, server in servers.items()}
    try:
        for number in range(rounds):
            for scenario in scenarios:
                names = [IN_PROCESS, *servers]
                for name in names if number % 2 == 0 else names[::-1]:
                    step(f"{scenario}, {name}")
                    if name == IN_PROCESS:
                        found = base.measure(scenario.batch, seconds)
                    else:
                        found = await _slice(servers[name], clients[name], workload, scenario, seconds)
                    table.slices[scenario, name].append(found)
    finally:
        for client in clients.values():
            await client.close()
    return table


async def _slice(
    server: Server, client: Client, workload: Workload, scenario: Scenario, seconds: float
) -> Slice:
    count = 0

    async def call(request: bytes) -> bytes:
        nonlocal count
        reply = await client.infer(request)
        count += 1
        return reply

    before = server.cpu_seconds()
    request = workload.requests[scenario.batch]
    sample = await closed_loop(call, request, in_flight=scenario.in_flight, seconds=seconds)
    cpu = (server.cpu_seconds() - before) / count
    check(workload, scenario.batch, sample.reply, server.address)
    return Slice(sample.rate, cpu * 1e3, sample.percentile(0.5) * 1e3, sample.percentile(0.99) * 1e3)


def check(workload: Workload, batch: int, reply: bytes, whose: str) -> None:
    """Hold an answer to the one that ONNX Runtime gave in this process.

    Raises:
        ValueError: it is another.
    """
    if not workload.is_right(batch, reply):
        raise ValueError(f"the answer of {whose} at batch {batch} is wrong")
