"""A command line from a dataclass: one option for each field, with its help, type, choices and default."""

import argparse
import dataclasses
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints


def add_options(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """Add `--field-name` for every field of a dataclass.

    Args:
        parser: to add to.
        config: a dataclass; the help text is each field's metadata.
    """
    hints = get_type_hints(config)
    for field in dataclasses.fields(config):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=field.name,
            default=argparse.SUPPRESS,  # so that what was given can be told from what was not
            help=_help(field),
            **_kind(hints[field.name]),
        )


def given_options(args: argparse.Namespace, config: type[Any]) -> dict[str, Any]:
    """Collect what the user gave on the command line.

    Args:
        args: parsed by a parser that `add_options` filled.
        config: the dataclass.

    Returns:
        Values by the dataclass's names, without any default.
    """
    names = [field.name for field in dataclasses.fields(config)]
    return {name: getattr(args, name) for name in names if hasattr(args, name)}


def _kind(hint: Any) -> dict[str, Any]:
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    return {"type": kinds[0], "metavar": _METAVARS.get(kinds[0], "NAME")}


_METAVARS: dict[type, str] = {int: "N", float: "X", Path: "FOLDER"}


def _help(field: "dataclasses.Field[Any]") -> str:
    text = str(field.metadata["help"])
    shown = text if field.default is None else f"{text} (default: {field.default})"
    return shown.replace("%", "%%")
