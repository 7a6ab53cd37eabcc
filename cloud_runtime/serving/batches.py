"""Joining requests' arrays along the first axis, and parting the outputs again. Pure.

Sound for graphs that never mix samples: each sample has a secret of its own, hidden before it was sent, and
Φ acts on each row alone. So a row's h is the same in whatever company it is computed, up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]

_NS_PER_US = 1000


@dataclass(frozen=True)
class BatchPolicy:
    """How requests of one model may be joined and cut.

    Attributes:
        joins: whether requests may share a run (``dynamic_batching`` in the configuration).
        slice: samples of one request in one run, so that others get turns between them; 0 for all.
        limit: samples in one run of joined requests; 0 where a request has no samples that we know of.
        preferred: batch sizes worth waiting for, ascending.
        delay_ns: how long the oldest request waits at most for a preferred size, where others wait too.
    """

    joins: bool = False
    slice: int = 0
    limit: int = 0
    preferred: tuple[int, ...] = ()
    delay_us: int = 0

    @property
    def delay_ns(self) -> int:
        """The delay in nanoseconds."""
        return self.delay_us * _NS_PER_US

    @property
    def wanted(self) -> int:
        """The size that ends the waiting: the largest preferred one, else the limit."""
        return self.preferred[-1] if self.preferred else self.limit


def joinable(one: Arrays, other: Arrays) -> bool:
    """Tell whether two requests differ in their first axis alone."""
    return all(array.shape[1:] == other[name].shape[1:] for name, array in one.items())


def join(parts: Sequence[Arrays]) -> Arrays:
    """Join requests along the first axis; one alone is passed on as it is."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def part(outputs: Arrays, sizes: Sequence[int]) -> list[Arrays]:
    """Cut a run's outputs into those of requests of these sizes: views, no copies."""
    if len(sizes) == 1:
        return [outputs]
    ends = np.cumsum(sizes)
    return [
        {name: array[end - size : end] for name, array in outputs.items()}
        for size, end in zip(sizes, ends, strict=True)
    ]


def rows(arrays: Arrays, start: int, stop: int) -> Arrays:
    """Take some rows of every array: views, no copies."""
    return {name: array[start:stop] for name, array in arrays.items()}
