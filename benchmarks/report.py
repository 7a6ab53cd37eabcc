"""The benchmark's results as markdown."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.interleave import Spread
from benchmarks.results import Profile, Result

PACKAGES = ("onnxruntime", "onnx", "torch", "numpy")
SHOWN_OPERATORS = 12

HEAD = """# Benchmarks: what rotation costs

Written by `python -m benchmarks export --out docs/benchmarks.md`. Ratios of times of the processing graph
alone, in ONNX Runtime on one CPU thread without spinning, {rounds} interleaved rounds (a sixth of that for
VGG-16 and AlexNet): the median of the ratios of each round, with its quartiles. Times are CPU time of the
thread. Weights are random, and so is the input.

"Real" is the same layers from the same description, with ReLU and plain batch norm, at the same feature
shape, exported the same way. At batch 2N it does the multiplications that the complex layers have to do:
that is the floor, and the same convolutions cannot meet a goal below it. "As traced" is the complex graph
before `export.lowering` arranged it for ONNX Runtime.
"""

TAIL = """
## What is not shipped

ONNX Runtime can save the graph as it has optimised it, which makes opening it faster. The weights in it are
laid out in blocks (NCHWc) for the vector length of the CPU that wrote it, so it is for that kind of CPU only.
The bundle holds the plain graph, and each server optimises its own.
"""


def render(results: Sequence[Result], profiles: Sequence[Profile], *, rounds: int) -> str:
    """The whole document."""
    parts = [HEAD.format(rounds=rounds), machine(), table(results), profile_text(profiles), TAIL]
    return "\n".join(parts)


def machine() -> str:
    """What it was measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    flags = [flag for flag in ("avx2", "avx512f", "avx512_vnni") if flag in _cpu_line("flags").split()]
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on: {_cpu_line('model name') or platform.machine()} "
        f"({', '.join(flags) or 'no flags known'}), {platform.system()}, Python {platform.python_version()}, "
        f"{packages}. The machine was shared.\n"
    )


def _cpu_line(name: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def table(results: Sequence[Result]) -> str:
    """Goal and measured side by side."""
    lines = [
        "| figure | goal | measured | met | as traced | floor: real at 2N / real |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        met = "yes" if result.measured.median <= result.row.goal else "no"
        cells = [result.row.label, f"≤ {result.row.goal:g}", show(result.measured), met]
        cells += [show(spread) if spread else "" for spread in (result.before, result.floor)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def show(spread: Spread) -> str:
    """The median and the quartiles."""
    return f"**{spread.median:.2f}** ({spread.lower:.2f} to {spread.upper:.2f})"


def profile_text(profiles: Sequence[Profile]) -> str:
    """One table for each network and batch: the real layers at batch 2N beside the complex graph."""
    pairs = zip(profiles[::2], profiles[1::2], strict=True)
    heading = (
        "## Where the time goes\n\nONNX Runtime's own profile: microseconds of one run by operator, nodes "
        "in brackets. Profiling costs time at each node too. What is not Conv is δ, pooling, and bringing "
        "tensors into and out of the blocked layout (Reorder). A profile is wall time, unlike the table "
        "above: on a busy machine it holds waiting as well, so compare operators within a column.\n"
    )
    return "\n".join([heading, *(_side_by_side(real, rotating) for real, rotating in pairs)])


def _side_by_side(real: Profile, rotating: Profile) -> str:
    operators = list(dict.fromkeys([*rotating.operators, *real.operators]))
    shown, rest = operators[:SHOWN_OPERATORS], operators[SHOWN_OPERATORS:]
    lines = [
        f"### {rotating.arch}, batch {rotating.batch}\n",
        "| operator | real at batch 2N | complex |",
        "|---|---|---|",
        *(f"| {name} | {_cell(real, [name])} | {_cell(rotating, [name])} |" for name in shown),
    ]
    if rest:
        lines.append(f"| others | {_cell(real, rest)} | {_cell(rotating, rest)} |")
    lines.append(f"| all | {_cell(real, operators)} | {_cell(rotating, operators)} |")
    return "\n".join(lines) + "\n"


def _cell(profile: Profile, operators: Sequence[str]) -> str:
    found = [profile.operators[name] for name in operators if name in profile.operators]
    if not found:
        return ""
    return f"{sum(time for _, time in found):.0f} ({sum(count for count, _ in found)})"
