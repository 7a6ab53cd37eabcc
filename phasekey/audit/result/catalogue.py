"""The one catalogue of figures: what each is, which way it leaks, and how people call it (figures.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from phasekey.audit.attack import Leak
from phasekey.audit.result.result import Figure

Unit = Literal["angle", "share", "decibel", "number"]


@dataclass(frozen=True)
class Entry:
    """One figure as figures.toml describes it.

    Attributes:
        key: e.g. `angle_circle`; the same in report.json, thresholds and tables.
        name: for people, with the unit where it has one.
        leak: the class of attacks that it belongs to.
        unit: angle (radians), share, decibel or number.
        text: what report.json says of it; scores fill in what is in braces.
        chance: in words, what its chance is.
        sentence: for the report, with {value} and {chance}.
        raw: a clause for where the raw input was measured too.
        open: what it means where this figure is laid open; None: what the class says.
        headline: whether verdicts go by it.
        falls: whether a smaller value is the larger leak.
        aim: what would be clearly better than published, `value` or `times` chance; empty: nobody stated it.
    """

    key: str
    name: str
    leak: Leak
    unit: Unit
    text: str
    chance: str
    sentence: str
    raw: str = ""
    open: str | None = None
    headline: bool = True
    falls: bool = False
    aim: Mapping[str, float] = field(default_factory=dict)

    def aim_of(self, figure: Figure) -> float | None:
        """What would be clearly better than published for this figure.

        Args:
            figure: measured, whose chance the aim may follow.

        Returns:
            In the figure's unit; None if nobody stated it.
        """
        if not self.aim:
            return None
        return self.aim["value"] if "value" in self.aim else self.aim["times"] * figure.chance


@cache
def catalogue() -> Mapping[str, Entry]:
    """All figures that this version knows, by their keys, in the report's order."""
    text = (resources.files("phasekey.audit.result") / "figures.toml").read_text(encoding="utf-8")
    return {key: Entry(key=key, **said) for key, said in tomllib.loads(text).items()}


def headlines(leak: Leak | None = None) -> tuple[str, ...]:
    """Keys by which verdicts go.

    Args:
        leak: a class of attacks, None for all.

    Returns:
        In the report's order.
    """
    return tuple(key for key, entry in catalogue().items() if entry.headline and leak in (None, entry.leak))


def entry_of(figure: Figure, leak: Leak) -> Entry:
    """The figure's entry; for a key of a later version, one made of what the figure says of itself.

    Args:
        figure: of a report.
        leak: the class of its attack.

    Returns:
        An entry.
    """
    plain = "{what}: {value}; without looking it would be {chance}"
    return catalogue().get(figure.key) or Entry(
        figure.key, figure.text, leak, "number", figure.text, "not known to this version", plain,
        headline=False, falls=figure.falls,
    )  # fmt: skip


def measured(
    key: str, interval: tuple[float, float, float], *, chance: float, beside: Mapping[str, float],
    raw: float | None = None, **words: object,
) -> Figure:  # fmt: skip
    """A figure of the catalogue with what was measured of it.

    Args:
        key: of the catalogue.
        interval: the value, and the ends of its 95% interval.
        chance: the figure of an attacker who sees no x.
        beside: further trivial predictors by name.
        raw: the same attacker with nothing hidden, None where there is no such thing.
        words: what the catalogue's text leaves open.

    Returns:
        The figure, with the catalogue's text and direction.

    Raises:
        KeyError: the catalogue has no such key, or its text asks for other words.
    """
    entry = catalogue()[key]
    text = entry.text.format(chance=chance, **words)
    return Figure(key, text, *interval, chance, raw, entry.falls, beside)
