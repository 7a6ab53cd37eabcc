"""`python -m benchmarks edge`."""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks.edge import calls, installed, stream
from benchmarks.edge.figures import Findings, Measured
from benchmarks.edge.networks import Networks, images, write
from benchmarks.edge.report import render, with_notes
from benchmarks.environments import UnavailableError
from benchmarks.interleave import interleave
from benchmarks.serving.process import Launch, Server, free_port
from phasekey.bundle import PrivacyWarning
from sdk import EdgeClient

ARCHITECTURES = ("resnet20", "lenet")
STREAMED = 200  # images of one stream
NEW = 10  # inputs of a round that come for the first time
INSTALLED = ("import", "memory", "size", "trimmed")  # rows that take a fresh environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--rounds", type=int, default=60, help="rounds of calls (default 60)")
    option("--few", type=int, default=7, help="rounds of imports, memory and streams (default 7)")
    option("--slice", type=float, default=0.02, help="seconds of one slice (default 0.02)")
    option("--no-install", action="store_true", help="leave out what takes a fresh environment")
    option("--cores", type=int, nargs=2, metavar=("SERVER", "CLIENT"), help="default: the first two")
    option("--out", type=Path, help="write the table to this markdown file as well")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns 0."""
    warnings.simplefilter("ignore", PrivacyWarning)
    findings = Findings()
    with TemporaryDirectory() as scratch:
        base = _base(options, Path(scratch), findings)
        for arch in tqdm(ARCHITECTURES, file=sys.stderr):
            _measure(arch, Path(scratch, arch), base, options, findings)
    text = render(findings, rounds=options.rounds, few=options.few)
    print(text)
    if options.out:
        former = options.out.read_text(encoding="utf-8") if options.out.exists() else ""
        options.out.write_text(with_notes(text, former), encoding="utf-8")
    return 0


def _base(options: argparse.Namespace, scratch: Path, findings: Findings) -> Path | None:
    """Make the base install, and measure what needs no server: its Python, None where there is none."""
    try:
        if options.no_install:
            raise UnavailableError("not asked for")
        base = installed.make_base(scratch)
    except (UnavailableError, OSError) as error:
        findings.missing.update(dict.fromkeys(INSTALLED, str(error)))
        return None
    findings.note("size", lambda: installed.size(installed.sizes(base)))
    findings.note("import", lambda: installed.over_torch(*installed.import_times(base, rounds=options.few)))
    return base


def _measure(
    arch: str, folder: Path, base: Path | None, options: argparse.Namespace, findings: Findings
) -> None:
    """Measure one architecture's rows; base: the Python of the base install."""
    folder.mkdir()
    networks = write(arch, folder)
    server_core, client_core = options.cores or _cores()
    allowed = os.sched_getaffinity(0)
    with served(networks, server_core, folder / "log") as target:
        if base and arch == "lenet":
            findings.note(
                "memory", lambda: installed.memory(base, networks.bundle, target, rounds=options.few)
            )
            findings.note("trimmed", lambda: installed.trimmed(base, networks.bundle, target))
        os.sched_setaffinity(0, {client_core})  # threads that gRPC starts from here on follow
        try:
            findings.found.update(_predictions(arch, networks, target, server_core, options))
        finally:
            os.sched_setaffinity(0, allowed)


def _predictions(
    arch: str, networks: Networks, target: str, core: int, options: argparse.Namespace
) -> dict[str, Measured]:
    drawn = images(arch, STREAMED)
    with (
        EdgeClient(networks.bundle, target, ephemeral=True) as client,
        calls.calls(networks, client, drawn, target, core) as timed,
        calls.prepared(networks, target, NEW * options.rounds) as prepared,
    ):
        client.warm_up()
        if arch == "resnet20":
            timed[calls.PREPARED] = prepared
        times = interleave(timed, rounds=options.rounds, slice_seconds=options.slice, clock=time.perf_counter)
        found = {
            f"sdk {arch}": calls.over_parts(times, calls.IN_TURN),
            f"served {arch}": calls.over_parts(times, calls.WHERE_THEY_RUN),
            f"stock {arch}": calls.over_parts(times, calls.BY_STOCK),
            f"alone {arch}": calls.over_alone(times),
        }
        if arch == "resnet20":
            found["split"] = calls.over_real(times)
            found["prepared"] = calls.prepared_over_real(times)
            stages, streamed, cores = stream.measure(client, list(drawn), rounds=options.few)
            found["stream"] = stream.over_slowest(stages, streamed)
            found["core"] = stream.over_core(cores, streamed)
    return found


@contextmanager
def served(networks: Networks, core: int, log: Path) -> Iterator[str]:
    """Serve both of an architecture's processing graphs on a core of their own: the address."""
    port = free_port()
    command = [sys.executable, "-m", "cloud_runtime", "--model-repository", str(networks.repository)]
    launch = Launch([*command, "--listen", f"127.0.0.1:{port}"], port, {"PYTHONPATH": str(installed.ROOT)})
    with Server(launch, core, log, networks.manifest.model_name) as server:
        yield server.address


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]
