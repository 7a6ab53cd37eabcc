"""`python -m benchmarks soak`."""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from benchmarks.report import machine
from benchmarks.soak.callers import Caller, Tally, under_load
from benchmarks.soak.events import Memory, Outcome, Stage
from benchmarks.soak.servers import Authority, Replica, Versions
from phasekey.bundle import edge_of, load_manifest

FLAT = 10.0  # MB that a server may grow from the second quarter to the last, arenas and caches included
ATTEMPTS, EACH = 5, 1.0  # sends of one request; seconds between two looks at the memory
SPENDER_DECOYS = 60
PAGE = """\
# Soak

Written by `python -m benchmarks soak --bundle BUNDLE --out docs/soak.md`. Two servers, TLS, {callers}
callers in a closed loop, each an `EdgeClient` with both as targets (in turn, up to {attempts} sends of one
request), a secret, inputs and decoys of its own. Each knows the right answers from the same graph in its own
process, and makes a new connection every 200 calls; one that finds no server ready is made again. Lost is a
wrong answer, an error or no answer at all.

{machine}

**{right:,} calls answered right in {seconds:.0f} s, {rate:.0f} a second; {lost} lost.**{losses}

| under load | found | right answers meanwhile | lost | as it should be |
|---|---|---|---|---|
{rows}

Memory of the two servers from their restart on, MB: {sizes}. From the second quarter of that time to the last
{growth:+.1f} in the worse one; up to {flat:.0f} count as flat.
"""


@dataclass(frozen=True)
class Found:
    """A run: seconds, callers, calls answered right, losses by kind, each event with the losses during it."""

    seconds: float
    callers: int
    right: int
    lost: dict[str, int]
    events: list[tuple[Outcome, int, int]]
    memory: Memory

    @property
    def good(self) -> bool:
        """Nothing lost, every event as it should be, memory flat."""
        return not self.lost and all(event.good for event, _, _ in self.events) and self.memory.growth <= FLAT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--bundle", type=Path, required=True, help="an export, best of the mode anonymous")
    option("--seconds", type=float, default=600.0, help="how long (default 600)")
    option("--callers", type=int, default=8, help="devices that ask all the time (default 8)")
    option("--out", type=Path, help="write the page to this markdown file as well")


def run(options: argparse.Namespace) -> int:
    with TemporaryDirectory() as folder:
        found = soak(options.bundle, Path(folder), seconds=options.seconds, callers=options.callers)
    text = render(found)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0 if found.good else 1


def soak(bundle: Path, folder: Path, *, seconds: float, callers: int) -> Found:
    """Keep two servers busy and change everything under them; events are spread over the time.

    Args:
        bundle: the export.
        folder: an empty one.
        seconds: at least; events that take longer are waited for.
        callers: threads, each a device.
    """
    model = load_manifest(edge_of(bundle)).model_name
    repository = folder / "repository"
    shutil.copytree(bundle / "cloud" / model, repository / model)
    graph = bundle / "cloud" / model / "1" / "model.onnx"
    authority = Authority(folder)
    tally = Tally()
    with _replicas(repository, model, authority, folder) as replicas:
        options: dict[str, Any] = {
            "target": [replica.target for replica in replicas],
            "ca_cert": authority.roots,
            "server_name": "localhost",
            "retry_attempts": ATTEMPTS,
            "timeout": 60.0,
        }
        devices = [Caller(bundle, graph, folder, seed, **options) for seed in range(callers)]
        spender = Caller(bundle, graph, folder, callers, SPENDER_DECOYS, **options)
        stage = Stage(replicas, authority, Versions(repository / model), spender)
        events: list[tuple[Outcome, int, int]] = []
        memory = Memory([])
        begin = time.monotonic()
        with under_load(devices, tally), tqdm(total=round(seconds), unit="s", file=sys.stderr) as bar:
            for number, event in enumerate(stage.events):
                _watch(replicas, memory, begin + seconds * number / len(stage.events), bar, begin)
                right, lost = tally.right, sum(tally.lost.values())
                outcome = event()
                events.append((outcome, tally.right - right, sum(tally.lost.values()) - lost))
                if number == 0:  # of the servers before it nothing is known from here on
                    memory.samples.clear()
            _watch(replicas, memory, begin + seconds, bar, begin)
        took = time.monotonic() - begin
    return Found(took, callers, tally.right, dict(tally.lost), events, memory)


def render(found: Found) -> str:
    """Write the page."""
    rows = "\n".join(
        f"| {event.event} | {event.found} | {right:,} | {lost} | {'yes' if event.good else '**no**'} |"
        for event, right, lost in found.events
    )
    first, last = found.memory.samples[0], found.memory.samples[-1]
    sizes = "; ".join(f"{one:.0f} → {other:.0f}" for one, other in zip(first, last, strict=True))
    losses = "".join(f"\n- {count} × {what}" for what, count in found.lost.items())
    return PAGE.format(
        callers=found.callers,
        attempts=ATTEMPTS,
        machine=machine().strip(),
        right=found.right,
        seconds=found.seconds,
        rate=found.right / found.seconds,
        lost=sum(found.lost.values()),
        losses=losses,
        rows=rows,
        sizes=sizes,
        growth=found.memory.growth,
        flat=FLAT,
    )


@contextmanager
def _replicas(repository: Path, model: str, authority: Authority, folder: Path) -> Iterator[list[Replica]]:
    replicas: list[Replica] = []
    try:
        for number in range(2):
            replica = Replica(repository, model, authority, folder / f"server{number}.log")
            replicas.append(replica)  # at once: the second may not start
        yield replicas
    finally:
        for replica in replicas:
            replica.kill()


def _watch(replicas: list[Replica], memory: Memory, until: float, bar: "tqdm[None]", begin: float) -> None:
    """Look at the memory until a moment."""
    while True:
        memory.samples.append(tuple(replica.memory() for replica in replicas))
        bar.n = round(time.monotonic() - begin)
        bar.refresh()
        if (left := until - time.monotonic()) <= 0:
            return
        time.sleep(min(left, EACH))
