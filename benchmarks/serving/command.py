"""`python -m benchmarks serving`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks.environments import CACHE, UnavailableError, make_environment
from benchmarks.interleave import rounds
from benchmarks.serving import endurance, throughput
from benchmarks.serving.peers import PEERS
from benchmarks.serving.process import Server
from benchmarks.serving.report import render
from benchmarks.serving.workload import Workload, make

BATCHES = (1, 8, endurance.FLOOD_BATCH)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--peer", action="append", choices=list(PEERS), help="only this server (may be repeated)")
    option("--rounds", type=rounds, default=9, help="rounds through all servers, 2 or more (default 9)")
    option("--slice", type=float, default=1.0, help="seconds of one slice (default 1)")
    option(
        "--flood", type=int, default=1500, metavar="N", help="requests of the flood, 0: none (default 1500)"
    )
    option(
        "--requests", type=int, default=0, metavar="N", help="watch the memory over so many (default 0: no)"
    )
    option("--environments", type=Path, default=CACHE, metavar="DIR", help="where peers are installed")
    option("--cores", type=int, nargs=2, metavar=("SERVER", "CLIENT"), help="default: the first two")
    option("--out", type=Path, help="write the tables to this markdown file as well")


def run(options: argparse.Namespace) -> int:
    server_core, client_core = options.cores or sorted(os.sched_getaffinity(0))[:2]
    with TemporaryDirectory() as scratch:
        workload = make(Path(scratch), BATCHES)
        pythons, missing = _environments(options)
        os.sched_setaffinity(0, {client_core})  # the client's threads, which gRPC starts later, follow
        text = asyncio.run(_measure(options, workload, pythons, missing, Path(scratch), server_core))
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0


def _environments(options: argparse.Namespace) -> tuple[dict[str, Path], dict[str, str]]:
    """The Python of each server, and why others are missing."""
    pythons: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name in options.peer or PEERS:
        try:
            pythons[name] = PEERS[name].python(options.environments, make_environment)
        except (UnavailableError, OSError) as error:
            missing[name] = str(error)
    return pythons, missing


async def _measure(
    options: argparse.Namespace,
    workload: Workload,
    pythons: Mapping[str, Path],
    missing: dict[str, str],
    scratch: Path,
    core: int,
) -> str:
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for name, python in pythons.items():
            try:
                servers[name] = stack.enter_context(start(name, python, workload, scratch, core))
            except (UnavailableError, OSError, StopIteration, ValueError) as error:
                missing[name] = str(error)
        base = stack.enter_context(_base(workload, scratch, core))
        total = options.rounds * len(throughput.SCENARIOS) * (len(servers) + 1)
        with _progress(total) as step:
            table = await throughput.measure(
                servers, base, workload, rounds=options.rounds, seconds=options.slice, step=step
            )
    flood, growth = await _endure(options, workload, pythons, scratch, core)
    return render(
        table,
        missing,
        rounds=options.rounds,
        seconds=options.slice,
        reply_bytes=workload.answers[1].nbytes,
        flood=flood,
        growth=growth,
    )


async def _endure(
    options: argparse.Namespace, workload: Workload, pythons: Mapping[str, Path], scratch: Path, core: int
) -> tuple[endurance.Flood | None, endurance.Growth | None]:
    flood = growth = None
    if options.flood and "ours" in pythons:
        print(f"a flood of {options.flood} requests …", file=sys.stderr)
        with start("ours", pythons["ours"], workload, scratch, core, "flood") as server:
            flood = await endurance.flood(server, workload, scratch, options.flood)
    if options.requests and "ours" in pythons:
        with (
            start("ours", pythons["ours"], workload, scratch, core, "growth") as server,
            tqdm(total=options.requests, unit="requests") as bar,
        ):
            growth = await endurance.growth(server, workload, options.requests, bar.update)
    return flood, growth


@contextmanager
def start(
    name: str, python: Path, workload: Workload, scratch: Path, core: int, purpose: str = "throughput"
) -> Iterator[Server]:
    """A server, ready, in a folder of its own under scratch.

    Raises:
        UnavailableError: it does not start.
    """
    folder = scratch / f"{name}-{purpose}"
    folder.mkdir()
    launch = PEERS[name].prepare(python, folder, workload)
    with Server(launch, core, folder / "log", workload.model) as server:
        yield server


@contextmanager
def _base(workload: Workload, scratch: Path, core: int) -> Iterator[throughput.InProcess]:
    folder = scratch / "in-process"
    folder.mkdir()
    PEERS["ours"].prepare(Path(sys.executable), folder, workload)
    with throughput.InProcess(Path(sys.executable), folder, workload, core) as base:
        yield base


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    with tqdm(total=total, unit="slice") as bar:

        def step(what: str) -> None:
            bar.set_description(what)
            bar.update()

        yield step
