"""What the benchmark measures: goals, what came of them, and where the time goes."""

from dataclasses import dataclass

from benchmarks.interleave import Spread


@dataclass(frozen=True)
class Row:
    """One goal: the time of `figure` over that of `base`, at a batch size."""

    label: str
    arch: str
    batch: int
    figure: str
    base: str
    goal: float


@dataclass(frozen=True)
class Result:
    """A row with what was measured. before: the same ratio for the graph as traced without export.lowering;
    floor: for the real layers at batch 2N, the least that a complex network's convolutions can take."""

    row: Row
    measured: Spread
    before: Spread | None
    floor: Spread | None


@dataclass(frozen=True)
class Profile:
    """Where the time goes: operator -> (nodes, microseconds in one run)."""

    arch: str
    batch: int
    graph: str
    operators: dict[str, tuple[int, float]]
