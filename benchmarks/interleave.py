"""Ratios of two timings on a machine that others use too.

Both are run in turn, in slices of a few milliseconds, in an order that flips from round to round; each round
gives one ratio, and the median over the rounds is reported with its quartiles. Time is the CPU time of the
calling thread, which ONNX Runtime with one thread runs on: waiting for a busy core does not count.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Call = Callable[[], object]
WARM_UP = 3


@dataclass(frozen=True)
class Spread:
    """Quartiles of a sample."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least two values."""
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


def rounds(text: str) -> int:
    """A number of rounds from the command line.

    Raises:
        argparse.ArgumentTypeError: fewer than two, which have no quartiles.
    """
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f"{number} is too few: a ratio's quartiles need 2 rounds or more")
    return number


def ratios(times: Mapping[str, Sequence[float]], over: str) -> dict[str, Spread]:
    """Of each name's time to that of `over`, round by round."""
    return {
        name: Spread.of([a / b for a, b in zip(values, times[over], strict=True)])
        for name, values in times.items()
        if name != over
    }


def interleave(
    calls: Mapping[str, Call],
    *,
    rounds: int,
    slice_seconds: float,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, list[float]]:
    """Seconds per call of each name, one figure for each round."""
    repeats = {name: _repeats(call, slice_seconds, clock) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        names = list(calls) if number % 2 == 0 else list(calls)[::-1]
        for name in names:
            times[name].append(_time(calls[name], repeats[name], clock))
    return times


def _repeats(call: Call, slice_seconds: float, clock: Callable[[], float]) -> int:
    for _ in range(WARM_UP):
        call()
    return max(1, round(slice_seconds / max(_time(call, 1, clock), 1e-9)))


def _time(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    call()  # the others' data has left the caches
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats
