"""Checking a manifest against ``schema.json``, in words that name the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phasekey.bundle.errors import BundleError
from phasekey.bundle.schema import compiled_schema
from phasekey.bundle.schema.violation import JsonSchemaValueException


def schema_text() -> str:
    """Return the manifest's JSON Schema (draft 7)."""
    return Path(__file__).with_name("schema.json").read_text(encoding="utf-8")


def validate(document: dict[str, Any]) -> None:
    """Check a parsed manifest.

    Raises:
        BundleError: names the first field that is missing, unknown or wrong.
    """
    try:
        compiled_schema.validate(document)  # type: ignore[no-untyped-call]  # generated
    except JsonSchemaValueException as error:
        raise BundleError(_explain(error)) from error


def _explain(error: JsonSchemaValueException) -> str:
    field = _field(error.path[1:])
    if error.rule == "required":
        missing = sorted(set(error.rule_definition) - set(error.value))
        return f"The manifest lacks {_field([*error.path[1:], missing[0]])}. Copy it again, or export again."
    if error.rule == "additionalProperties":
        unknown = sorted(set(error.value) - set(error.definition["properties"]))
        return f"The manifest has an unknown field {_field([*error.path[1:], unknown[0]])}. Export again."
    expected = error.definition.get("description") or f"a value that keeps the rule {error.rule!r}"
    return f"The manifest's {field} is wrong: expected is {expected}. Copy it again, or export again."


def _field(path: list[str]) -> str:
    return "'" + ".".join(str(part) for part in path) + "'" if path else "top level"
