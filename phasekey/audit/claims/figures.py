"""What a claim's audit comes to: figures, each with an interval, its chance and what was promised. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from phasekey.audit.attack import CurvePoint
from phasekey.audit.numerics.bootstrap import Interval

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
        if self.bound is None or self.promise == "none":
            return None
        return self.low <= self.bound if self.promise == "at most" else self.high >= self.bound

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


def table(figures: Sequence[ClaimFigure]) -> str:
    """Lay figures out in Markdown.

    Args:
        figures: in the order to print.

    Returns:
        A table; the last column says whether a promise was kept.
    """
    said = {True: "kept", False: "**broken**", None: "–"}
    rows = [
        f"| {one.name} | {one.attack} | {one.value:.3f} | {one.low:.3f}–{one.high:.3f} | {one.chance:.3f} | "
        f"{_promised(one)} | {said[one.kept]} |"
        for one in figures
    ]
    head = [
        "| figure | attack | value | 95% interval | chance | promised | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*head, *rows])


def _promised(figure: ClaimFigure) -> str:
    return "–" if figure.bound is None else f"{figure.promise} {figure.bound:.3f}"
