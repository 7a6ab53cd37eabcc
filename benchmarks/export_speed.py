"""What rotation costs: the exported processing graph against the same real layers, as ratios with goals."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.graphs import Pair, build, with_half_wire
from benchmarks.interleave import interleave, ratios
from benchmarks.report import render
from benchmarks.results import Profile, Result, Row
from benchmarks.sessions import open_session, profile

LARGE = ("vgg16", "alexnet")  # a run takes a tenth of a second or more: fewer rounds do
SEVERAL = {"resnet20": (4, 8)}  # components besides 2
PROFILED_RUNS = {True: 5, False: 100}


ROWS = (
    Row("ResNet-20-α, complex / real, batch 1", "resnet20", 1, "complex", "real", 2.4),
    Row("ResNet-20-α, complex / real, batch 8", "resnet20", 8, "complex", "real", 2.2),
    Row("ResNet-20-α, complex / real at batch 2N, N = 1", "resnet20", 1, "complex", "real 2N", 1.3),
    Row("ResNet-20-α, complex / real at batch 2N, N = 8", "resnet20", 8, "complex", "real 2N", 1.15),
    Row(
        "ResNet-20-α, 4 components / real at batch 4N, N = 8", "resnet20", 8, "4 components", "real 4N", 1.15
    ),
    Row(
        "ResNet-20-α, 8 components / real at batch 8N, N = 8", "resnet20", 8, "8 components", "real 8N", 1.15
    ),
    Row("LeNet, complex / real, batch 1", "lenet", 1, "complex", "real", 2.5),
    Row("LeNet, complex / real, batch 8", "lenet", 8, "complex", "real", 3.0),
    Row("VGG-16, complex / real, batch 1", "vgg16", 1, "complex", "real", 2.1),
    Row("AlexNet, complex / real, batch 8", "alexnet", 8, "complex", "real", 1.9),
    Row("float16 wire / float32 wire, ResNet-20-α, batch 1", "resnet20", 1, "float16 wire", "complex", 1.02),
    Row("float16 wire / float32 wire, ResNet-20-α, batch 8", "resnet20", 8, "float16 wire", "complex", 1.02),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, help="write the tables to this markdown file as well")
    parser.add_argument("--rounds", type=int, default=100, help="rounds for each small network (default 100)")
    parser.add_argument("--slice", type=float, default=0.02, help="seconds of one slice (default 0.02)")
    parser.add_argument(
        "--arch", action="append", choices=sorted({row.arch for row in ROWS}), help="only this network"
    )


def run(options: argparse.Namespace) -> int:
    results: list[Result] = []
    profiles: list[Profile] = []
    for arch in options.arch or dict.fromkeys(row.arch for row in ROWS):
        pair = build(arch, components=SEVERAL.get(arch, ()))
        for batch in dict.fromkeys(row.batch for row in ROWS if row.arch == arch):
            print(f"{arch}, batch {batch} …", file=sys.stderr)
            rounds = max(7, options.rounds // 6) if arch in LARGE else options.rounds
            results += measure(pair, arch, batch, rounds, options.slice)
            profiles += _profiles(pair, arch, batch)
    results.sort(key=lambda result: ROWS.index(result.row))
    text = render(results, profiles, rounds=options.rounds)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0


def measure(pair: Pair, arch: str, batch: int, rounds: int, slice_seconds: float) -> Iterator[Result]:
    """All rows of one network and batch size, from one interleaved run."""
    graphs = {"real": pair.real, "complex": pair.complex, "before": pair.before}
    graphs |= {"float16 wire": with_half_wire(pair.complex)}
    asked = {
        name for row in ROWS if (row.arch, row.batch) == (arch, batch) for name in (row.figure, row.base)
    }
    graphs |= {f"{k} components": g for k, g in pair.several.items() if f"{k} components" in asked}
    sessions = {name: open_session(graph) for name, graph in graphs.items()}
    feeds = _feeds(pair, batch)
    sessions |= {
        name: sessions["real"] for name in feeds if name.startswith("real ") and name in asked | {"real 2N"}
    }
    calls = {
        name: lambda session=session, feed={"x": feeds[name]}: session.run(None, feed)
        for name, session in sessions.items()
    }
    times = interleave(calls, rounds=rounds, slice_seconds=slice_seconds)
    for row in ROWS:
        if (row.arch, row.batch) == (arch, batch):
            found = ratios(times, row.base)
            is_price = row.figure == "complex"
            yield Result(
                row,
                found[row.figure],
                found["before"] if is_price else None,
                found["real 2N"] if is_price and row.base == "real" else None,
            )


def _feeds(pair: Pair, batch: int) -> dict[str, np.ndarray]:
    channels, *rest = pair.feature
    x = np.random.default_rng(0).normal(size=(batch, 2 * channels, *rest)).astype(np.float32)
    real, imaginary = x[:, :channels].copy(), x[:, channels:].copy()
    several = {
        k: np.random.default_rng(k).normal(size=(batch, k * channels, *rest)).astype(np.float32)
        for k in pair.several
    }
    return {
        **{f"{k} components": blocks for k, blocks in several.items()},
        **{f"real {k}N": blocks.reshape(-1, channels, *rest) for k, blocks in several.items()},
        "real": real,
        "real 2N": np.concatenate([real, imaginary]),
        "complex": x,
        "before": x,
        "float16 wire": x.astype(np.float16),
    }


def _profiles(pair: Pair, arch: str, batch: int) -> Iterator[Profile]:
    feeds = _feeds(pair, batch)
    runs = PROFILED_RUNS[arch in LARGE]
    for name, graph in (("real 2N", pair.real), ("complex", pair.complex)):
        yield Profile(arch, batch, name, profile(graph, feeds[name], runs))
