"""What the cloud adds against what it is told: label error on the left, nats on the right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.frontier.points import Point

COLOURS = {12: "#1b6ca8", 32: "#2a7f62", 64: "#e0a458", 128: "#b3402e"}
OTHER = "#8a9299"
MARKERS = {1.0: "o", 2.0: "s"}


def draw(points: Sequence[Point], path: Path) -> None:
    """Write a picture: a row for each encoder, a point for each place, 95% intervals.

    Args:
        points: all that are finished.
        path: of the PNG.
    """
    from matplotlib.figure import Figure

    hidden = [point for point in points if point.label_error is not None]
    encoders = sorted({point.place.encoder for point in hidden}, reverse=True)
    figure = Figure(figsize=(9, 3.4 * max(1, len(encoders))), layout="constrained")
    axes = figure.subplots(max(1, len(encoders)), 2, squeeze=False, sharey="row")
    for row, encoder in zip(axes, encoders, strict=False):
        for point in (point for point in hidden if point.place.encoder == encoder):
            for axis, told in zip(row, (_label(point), point.nats), strict=True):
                if told is not None:
                    _mark(axis, told, point)
        for axis, name in zip(row, ("attacker's label error, %", "nats told at most"), strict=True):
            axis.axhline(0, color="#c7cdd1", zorder=0)
            axis.set_xlabel(name)
            axis.spines[["top", "right"]].set_visible(False)
        _nats(row[1])
        row[0].axvline(90, color="#c7cdd1", linestyle="--", zorder=0)
        row[0].set_ylabel("the cloud adds, points")
        row[0].set_title(f"{encoder}: over the linear read-out", loc="left", fontsize=10)
    handles, names = _legend(hidden)
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _nats(axis: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())


def _label(point: Point) -> float | None:
    return None if point.label_error is None else 100 * point.label_error.mean


def _mark(axis: Any, told: float, point: Point) -> None:
    added = point.over_read_out
    axis.errorbar(
        told, 100 * added.mean, yerr=50 * (added.high - added.low), fmt=MARKERS.get(point.place.sigma, "^"),
        color=COLOURS.get(point.place.values, OTHER), markersize=5, elinewidth=1,
    )  # fmt: skip


def _legend(points: Sequence[Point]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    values, sigmas = (sorted({getattr(p.place, name) for p in points}) for name in ("values", "sigma"))
    handles: list[Any] = [Line2D([], [], color=COLOURS.get(d, OTHER), linewidth=4) for d in values]
    handles += [Line2D([], [], color=OTHER, marker=MARKERS.get(sigma, "^"), linestyle="") for sigma in sigmas]
    return handles, [*(f"D = {d}" for d in values), *(f"σ = {sigma:g}" for sigma in sigmas)]
