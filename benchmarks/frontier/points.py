"""Finished places as figures: errors and differences with 95% intervals, and what the bound says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.cell import Cell, Place
from phasekey.guarantee import nats_per_transmission
from phasekey.training.controls.answers import Interval, mean_of

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Alone:
    """What a device does without a cloud, for each test image 1 where it is right.

    Attributes:
        read_out: the linear read-out of the feature.
        own: the best network of the device's own operations; None where it was not trained.
        operations: of the device, for an image.
    """

    read_out: Floats
    own: Floats | None
    operations: int

    @property
    def best(self) -> Floats | None:
        """The better of the two; None where there is one alone."""
        if self.own is None:
            return None
        return max((self.read_out, self.own), key=lambda right: float(right.mean()))


@dataclass(frozen=True)
class Point:
    """One place of the frontier; shares, 0 to 1.

    Attributes:
        place: where.
        error: of the cloud's answer.
        over_read_out: its accuracy less that of the read-out, image by image.
        over_best: less that of the better control; None where the device's own network was not trained.
        label_error: of the strongest attacker; None where nothing is hidden.
        attacker: which it was.
        nats: that a transmission tells at most; None where no bound exists.
    """

    place: Place
    error: Interval
    over_read_out: Interval
    over_best: Interval | None
    label_error: Interval | None
    attacker: str
    nats: float | None


def point_of(place: Place, cell: Cell, alone: Alone) -> Point:
    """Work out the figures of a place.

    Args:
        place: where.
        cell: what was found there.
        alone: what its device does without a cloud.
    """
    guesses = {name: mean_of(1 - right) for name, right in cell.guesses.items()}
    strongest = min(guesses, key=lambda name: guesses[name].mean, default="")
    bounded = place.components > place.values
    return Point(
        place,
        mean_of(1 - cell.right),
        mean_of(cell.right, alone.read_out),
        None if alone.best is None else mean_of(cell.right, alone.best),
        guesses.get(strongest),
        strongest,
        nats_per_transmission(place.values, place.components, place.sigma) if bounded else None,
    )


def write_alone(path: Path, alone: Alone) -> None:
    """Keep it in a file."""
    arrays: dict[str, Any] = {"read_out": alone.read_out, "operations": alone.operations}
    if alone.own is not None:
        arrays["own"] = alone.own
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, **arrays)
    partial.replace(path)


def read_alone(path: Path) -> Alone:
    """Read it back."""
    with np.load(path) as kept:
        return Alone(kept["read_out"], kept.get("own"), int(kept["operations"]))
