"""What the report says: words.toml, and the classes of attacks as people call them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from phasekey.audit.attack import Leak


@dataclass(frozen=True)
class LeakTerm:
    """A class of attacks as people call it.

    Attributes:
        title: its name.
        open: what it means where it is laid open.
        task: its name where what it looks for is the task's own answer.
    """

    title: str
    open: str
    task: str | None = None


# What one transmission of one image gives away; the verdict in front goes by these.
ONE_TRANSMISSION: tuple[Leak, ...] = ("angle", "inversion", "property", "label", "decoy")


@cache
def words() -> dict[str, Any]:
    """All of words.toml, by its tables."""
    text = (resources.files("phasekey.audit.report.judgement") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def leaks() -> dict[Leak, LeakTerm]:
    """All classes of attacks by their names, in the report's order."""
    return {leak: LeakTerm(**said) for leak, said in words()["leaks"].items()}
