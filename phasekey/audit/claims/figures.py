"""What a claim's audit comes to: figures, each with an interval, its chance and what was promised. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from phasekey.audit.attack import CurvePoint
from phasekey.audit.numerics.bootstrap import Interval, widening

Promise = Literal["at most", "at least", "none"]


@dataclass(frozen=True)
class ClaimFigure:
    """One attack's result.

    Attributes:
        key: for machines, e.g. "identification".
        name: for people.
        attack: which attacker it was.
        interval: the figure, and the ends of its 95% interval over test images.
        chance: the figure of an attacker who sees nothing.
        promise: whether the value is promised to be at most or at least `bound`; "none" where nothing is.
        bound: in the figure's unit.
        curve: the attacker's training, if any.
    """

    key: str
    name: str
    attack: str
    interval: Interval
    chance: float
    promise: Promise = "none"
    bound: float | None = None
    curve: tuple[CurvePoint, ...] = ()

    @property
    def kept(self) -> bool | None:
        """Whether the interval reaches the promised side of the bound; None where nothing is promised."""
        return self.kept_among(1)

    def kept_among(self, count: int) -> bool | None:
        """Judge this figure as one of several that are looked at together.

        Args:
            count: figures with a promise, this one among them.

        Returns:
            Whether the widened interval reaches the promised side of the bound; None where nothing is
            promised.
        """
        if self.bound is None or self.promise == "none":
            return None
        wider = widening(count)
        if self.promise == "at most":
            return self.value - wider * (self.value - self.low) <= self.bound
        return self.value + wider * (self.high - self.value) >= self.bound

    @property
    def value(self) -> float:
        """The figure, in its own unit, without its interval."""
        return self.interval[0]

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        return self.interval[1]

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        return self.interval[2]

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {**asdict(self), "kept": self.kept}


def promising(figures: Sequence[ClaimFigure]) -> int:
    """Count the figures that are held against a promise."""
    return sum(figure.kept is not None for figure in figures)


def table(figures: Sequence[ClaimFigure]) -> str:
    """Lay figures out in Markdown.

    Args:
        figures: in the order to print.

    Returns:
        A table; the last column says whether a promise was kept: "by luck" where a figure's own interval
        misses the bound, but not one that allows for all of them.
    """
    count = promising(figures)
    rows = [
        f"| {one.name} | {one.attack} | {one.value:.3f} | {one.low:.3f}–{one.high:.3f} | {one.chance:.3f} | "
        f"{_promised(one)} | {_said(one, count)} |"
        for one in figures
    ]
    head = [
        "| figure | attack | value | 95% interval | chance | promised | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*head, *rows])


def _said(figure: ClaimFigure, count: int) -> str:
    if figure.kept is False and figure.kept_among(count):
        return "kept (by luck beyond)"
    return {True: "kept", False: "**broken**", None: "–"}[figure.kept_among(count)]


def _promised(figure: ClaimFigure) -> str:
    return "–" if figure.bound is None else f"{figure.promise} {figure.bound:.3f}"
