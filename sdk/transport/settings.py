"""The kinds of values that settings have: read from text, and checked."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sdk.errors import ConfigurationError

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def number(low: float, high: float, *, whole: bool = False) -> dict[str, Any]:
    """Describe a field that holds a number, as a dataclass field's metadata."""
    return {"kind": "whole" if whole else "number", "low": low, "high": high}


def parsed(name: str, text: str, kind: str) -> Any:
    """Read the text of an environment variable as a value of this kind.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        if kind == "texts":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if kind == "flag":
            return _FLAGS[text.strip().lower()]
        if kind == "whole":
            return int(text)
        return float(text) if kind == "number" else text
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"{name}={text!r} is not a {'yes or no' if kind == 'flag' else kind}."
        ) from error


def checked(name: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    """Return a value of a setting, lists as tuples and paths as Path.

    Raises:
        ConfigurationError: it is not of the setting's kind, or out of its range.
    """
    kind = metadata["kind"]
    if kind in ("number", "whole"):
        return _checked_number(name, value, metadata)
    if kind == "texts" and isinstance(value, str):
        return (value,)
    accepts, wanted = _KINDS[kind]
    if not accepts(value):
        raise ConfigurationError(f"{name} must be {wanted}, not a {type(value).__name__}.")
    if kind == "texts":
        return tuple(value)
    return Path(value) if kind == "path" and value is not None else value


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "texts": (
        lambda value: isinstance(value, list | tuple) and all(isinstance(text, str) for text in value),
        "texts",
    ),
    "flag": (lambda value: isinstance(value, bool), "True or False"),
    "path": (lambda value: value is None or isinstance(value, str | os.PathLike), "a path"),
    "token": (
        lambda value: value is None or isinstance(value, str) or callable(value),
        "a text or a function",
    ),
    "text": (lambda value: value is None or isinstance(value, str), "a text"),
}


def _checked_number(name: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    low, high, whole = metadata["low"], metadata["high"], metadata["kind"] == "whole"
    number = isinstance(value, int) or (isinstance(value, float) and not whole)
    right = number and not isinstance(value, bool) and math.isfinite(value)
    if not right or value > high or value < low or (not whole and value == 0):
        wanted = f"{low} or more" if whole else "a number of seconds above 0"
        limit = f" and at most {high}" if right and value > high else ""
        raise ConfigurationError(f"{name} must be {wanted}{limit}, not {value!r}.")
    return value
