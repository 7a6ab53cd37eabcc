"""The base install, in a fresh environment: its size, how long its import takes, how much memory it needs."""

import shutil
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.edge.figures import Measured, once
from benchmarks.environments import UnavailableError, make_environment
from benchmarks.interleave import Spread

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
TIMED = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
SHOWN = 9  # folders of the base install
UNUSED = (  # what no prediction loads, by glob: docs/edge-benchmarks.md names them
    "onnxruntime/capi/libonnxruntime.so.*",  # for programs in C; the Python module has all of it once more
    "onnxruntime/transformers",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "numpy/**/tests",
    "pip",
    "setuptools",
    "pkg_resources",
)


def make_base(folder: Path) -> Path:
    """Install what lies here, at the versions of constraints.txt, with pip: the environment's Python.

    Raises:
        UnavailableError: pip can't.
    """
    source = folder / "source"  # a copy: setuptools leaves a build/ behind, and packs what lies in an old one
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["packages"]["find"]["include"]
    for name in (pattern.rstrip("*") for pattern in patterns):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    return make_environment(folder / "base", (constraints, str(source)))


def sizes(python: Path) -> dict[str, float]:
    """MB of each folder and file beside each other in an environment's site-packages, largest first."""
    (site,) = (python.parents[1] / "lib").glob("python3.*/site-packages")
    found = {entry.name: _bytes(entry) / 1e6 for entry in site.iterdir()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _bytes(entry: Path) -> int:
    files = entry.rglob("*") if entry.is_dir() else [entry]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def size(found: Mapping[str, float]) -> Measured:
    """All of it, and what is largest."""
    largest = ", ".join(f"{name} {value:.1f}" for name, value in list(found.items())[:SHOWN])
    return Measured(once(sum(found.values())), f"MB: {largest}")


def trimmed(base: Path, bundle: Path, target: str) -> Measured:
    """The size without UNUSED, which are deleted, of an environment that predicts as before.

    Raises:
        UnavailableError: it does not.
    """
    (site,) = (base.parents[1] / "lib").glob("python3.*/site-packages")
    for entry in [entry for pattern in UNUSED for entry in site.glob(pattern)]:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    _numbers([base, "-I", PROGRAMS / "first_prediction.py", bundle / "edge", target])
    return size(sizes(base))


def import_times(base: Path, *, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of ``import sdk`` in the base install, and of ``import torch, sdk`` where we run, in turn.

    Raises:
        UnavailableError: an import fails.
    """
    commands = ((base, TIMED.format("sdk")), (Path(sys.executable), TIMED.format("torch, sdk")))
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for (python, program), values in zip(commands, times, strict=True):
            seconds = _number([python, "-I", "-c", program])
            if number:  # the first one reads files from the disk, and may compile them
                values.append(seconds)
    return times


def over_torch(base: Sequence[float], torch: Sequence[float]) -> Measured:
    """The base install's import over the other, round by round."""
    spread = Spread.of([a / b for a, b in zip(base, torch, strict=True)])
    text = f"ms: {1000 * statistics.median(base):.0f} against {1000 * statistics.median(torch):.0f}"
    return Measured(spread, text)


def memory(base: Path, bundle: Path, target: str, *, rounds: int) -> Measured:
    """MB resident in a process of the base install after its first prediction.

    Raises:
        UnavailableError: it fails, or this system has no /proc.
    """
    program = PROGRAMS / "first_prediction.py"
    found = [_numbers([base, "-I", program, bundle / "edge", target]) for _ in range(rounds)]
    seconds, resident = zip(*found, strict=True)
    text = f"VmRSS; imports, opening, connecting, predicting: {1000 * statistics.median(seconds):.0f} ms"
    return Measured(Spread.of(resident), text)


def _number(command: Sequence[str | Path]) -> float:
    return _numbers(command)[-1]


def _numbers(command: Sequence[str | Path]) -> list[float]:
    """The numbers that a program prints, one a line."""
    done = subprocess.run([*command], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise UnavailableError((done.stderr.strip().splitlines() or ["it ended without a word"])[-1])
    return [float(line) for line in done.stdout.strip().splitlines()]
