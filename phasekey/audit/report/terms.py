"""What each figure means to people: its name, unit, sentence and aim; the words are in words.toml."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from phasekey.audit.attack import Leak
from phasekey.audit.report.numbers import Unit
from phasekey.audit.result.result import Figure


@dataclass(frozen=True)
class Term:
    """One figure's words, as words.toml explains them; raw: a clause for where the raw input was measured
    too, open: what it means where this figure in particular is laid open. falls: smaller is a larger leak."""

    name: str
    leak: Leak
    unit: Unit
    sentence: str
    raw: str = ""
    open: str | None = None
    headline: bool = True
    falls: bool = False
    aim: dict[str, float] = field(default_factory=dict)

    def aim_of(self, figure: Figure) -> float | None:
        """What would be clearly better than published; None where nobody stated that."""
        if not self.aim:
            return None
        return self.aim["value"] if "value" in self.aim else self.aim["times"] * figure.chance


@dataclass(frozen=True)
class LeakTerm:
    """A class of attacks: its name, what it means where it is laid open, and its name where what it looks for
    is the task's own answer."""

    title: str
    open: str
    task: str | None = None


# What one transmission of one image gives away; the verdict in front goes by these.
ONE_TRANSMISSION: tuple[Leak, ...] = ("angle", "inversion", "property", "label", "decoy")


@cache
def words() -> dict[str, Any]:
    """All of words.toml."""
    text = (resources.files("phasekey.audit.report") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def leaks() -> dict[Leak, LeakTerm]:
    """All classes, in the report's order."""
    return {leak: LeakTerm(**said) for leak, said in words()["leaks"].items()}


@cache
def terms() -> dict[str, Term]:
    """All figures that this version knows, in the report's order."""
    return {key: Term(**said) for key, said in words()["figures"].items()}


def headlines(leak: Leak | None = None) -> tuple[str, ...]:
    """Keys by which verdicts go: of one class, or of all."""
    return tuple(key for key, term in terms().items() if term.headline and leak in (None, term.leak))


def term_of(figure: Figure, leak: Leak) -> Term:
    """The figure's term; for a key that this version does not know, one made of the figure's own text."""
    plain = "{what}: {value}; without looking it would be {chance}"
    return terms().get(figure.key) or Term(figure.text, leak, "number", plain, headline=False)
