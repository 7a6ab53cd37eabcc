"""How it was measured: enough to do it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from phasekey.audit.report.html.markup import Html, joined, section, tag
from phasekey.audit.result.result import Audit

# What follows the name of each option in `phasekey audit`, and where the audit keeps it.
OPTIONS = {"box": "box", "decoys": "decoy_law", "keys": "keys"}


def measured(audit: Audit) -> Html:
    """How it was measured, with the command that does it again.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    return section(
        "How it was measured",
        tag("pre", tag("code", command(audit))),
        tag("div", *_lists(audit), class_="facts"),
        id_="measured",
    )


def command(audit: Audit) -> str:
    """What to type for the same again; files are in capitals, as their places are the reader's own.

    Args:
        audit: to repeat.

    Returns:
        One line.
    """
    subject = audit.subject
    words = [
        "phasekey audit",
        "--bundle DIR" if subject.get("kind") == "bundle" else "--ckpt FILE",
        "--data DATA",
    ]
    values = {"budget": audit.effort.get("name"), "seed": audit.facts.get("seed")}
    values |= {option: subject.get(key) for option, key in OPTIONS.items()}
    words += [f"--{option} {value}" for option, value in values.items() if value is not None]
    return " ".join([*words, "--out DIR"])


def _lists(audit: Audit) -> tuple[Html, ...]:
    about = (
        ("What was attacked", audit.subject),
        ("Images in each split", audit.splits),
        ("What attackers may spend", audit.effort),
        ("Property looked for", _property(audit)),
        ("When, where and with what", audit.facts),
    )
    return tuple(_list(title, values) for title, values in about if values)


def _property(audit: Audit) -> Mapping[str, Any]:
    if not audit.property_names:
        return {}
    kind = "the task's own answer" if audit.property_is_task else "hidden: the task's labels do not name it"
    return {"kind": kind, "classes": ", ".join(audit.property_names)}


def _list(title: str, values: Mapping[str, Any]) -> Html:
    pairs = [
        joined((tag("dt", _words(key)), tag("dd", _value(value))))
        for key, value in values.items()
        if value is not None
    ]
    return tag("div", tag("h3", title), tag("dl", *pairs))


def _words(key: str) -> str:
    return key.replace("_", " ")


def _value(value: object) -> Html | str:
    if isinstance(value, Mapping):
        return tag("ul", *(tag("li", f"{_words(str(key))}: {part}") for key, part in value.items()))
    if isinstance(value, list | tuple):
        return _sequence(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _sequence(values: Sequence[object]) -> Html | str:
    """Numbers are a shape, anything else a list."""
    if all(isinstance(value, int) for value in values):
        return " × ".join(map(str, values)) or "none"
    return tag("ul", *(tag("li", str(value)) for value in values))
