"""What was served and how long each stage took, by model. ModelStatistics and Prometheus both read it.

Counted once, in plain integers under one lock: the hot path pays for no metrics library.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Reason = Literal["REJECTED", "CANCELED", "BACKEND", "OTHER"]  # Triton's labels
Stage = Literal["request", "queue", "compute_input", "compute_infer", "compute_output"]
STAGES: tuple[Stage, ...] = ("request", "queue", "compute_input", "compute_infer", "compute_output")


@dataclass
class RunTotals:
    """Executions of one batch size: how many, and nanoseconds in total for each stage."""

    count: int = 0
    compute_input: int = 0
    compute_infer: int = 0
    compute_output: int = 0


@dataclass(slots=True)
class Timing:
    """One request's nanoseconds by stage; a request that ran in slices sums them up."""

    queue: int = 0
    compute_input: int = 0
    compute_infer: int = 0
    compute_output: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.queue + self.compute_input + self.compute_infer + self.compute_output


@dataclass
class Totals:
    """A model's counts since the server started; durations in nanoseconds.

    Attributes:
        successes: requests answered.
        failures: requests not answered, by reason.
        failure_ns: time that these took.
        samples: samples inferred (a batch of 8 counts 8).
        runs: executions of the graph, by batch size.
        stages: time of answered requests by stage.
        pending: requests that wait for their turn now.
        last_inference_ms: when the last run ended, milliseconds since 1970.
    """

    successes: int = 0
    failures: Counter[Reason] = field(default_factory=Counter)
    failure_ns: int = 0
    samples: int = 0
    runs: dict[int, RunTotals] = field(default_factory=dict)
    stages: Counter[Stage] = field(default_factory=Counter)
    pending: int = 0
    last_inference_ms: int = 0


class ModelStatistics:
    """One model version's totals, counted from many threads.

    Attributes:
        usual_run: nanoseconds that an execution takes: the shorter of the last two, since one may have been
            held up by whatever else the machine does; 0 before the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.usual_run = self._last_run = 0
        self._totals = Totals()

    def succeeded(self, total: int, timing: Timing) -> None:
        """Count an answered request; ``total`` is in nanoseconds."""
        with self._lock:
            totals, stages = self._totals, self._totals.stages
            totals.successes += 1
            stages["request"] += total
            stages["queue"] += timing.queue
            stages["compute_input"] += timing.compute_input
            stages["compute_infer"] += timing.compute_infer
            stages["compute_output"] += timing.compute_output

    def failed(self, reason: Reason, total: int) -> None:
        """Count a request that was not answered; ``total`` is in nanoseconds."""
        with self._lock:
            self._totals.failures[reason] += 1
            self._totals.failure_ns += total

    def ran(self, samples: int, compute_input: int, compute_infer: int, compute_output: int) -> None:
        """Count one execution of the graph; durations in nanoseconds."""
        with self._lock:
            self.usual_run = min(compute_infer, self._last_run or compute_infer)
            self._last_run = compute_infer
            self._totals.samples += samples
            self._totals.last_inference_ms = time.time_ns() // 1_000_000
            run = self._totals.runs.setdefault(samples, RunTotals())
            run.count += 1
            run.compute_input += compute_input
            run.compute_infer += compute_infer
            run.compute_output += compute_output

    def queued(self, change: int) -> None:
        """Count a request into the queue (1) or out of it (-1). The one caller has a lock of its own."""
        self._totals.pending += change

    def snapshot(self) -> Totals:
        """Return a copy of the totals that no longer changes."""
        with self._lock:
            totals = self._totals
            return Totals(
                totals.successes,
                Counter(totals.failures),
                totals.failure_ns,
                totals.samples,
                {size: RunTotals(**vars(run)) for size, run in totals.runs.items()},
                Counter(totals.stages),
                totals.pending,
                totals.last_inference_ms,
            )


class StatisticsBook:
    """The statistics of every model version served since the start, reloads included."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[tuple[str, str], ModelStatistics] = {}

    def of(self, name: str, version: str) -> ModelStatistics:
        """Return a model version's statistics, made at the first call."""
        with self._lock:
            return self._models.setdefault((name, version), ModelStatistics())

    def __iter__(self) -> Iterator[tuple[str, str, Totals]]:
        with self._lock:
            models = sorted(self._models.items())
        return iter([(name, version, model.snapshot()) for (name, version), model in models])
