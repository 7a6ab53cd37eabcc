"""report.json: audits to text and back, held to the schema (docs/audit.schema.json)."""

import json
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import fastjsonschema

from phasekey.audit.errors import AuditError
from phasekey.audit.result.catalogue import catalogue
from phasekey.audit.result.result import FORMAT_VERSION, Audit, read_audit

REPORT_FILE = "report.json"


def make_folder(folder: Path) -> None:
    """Make the folder of a report, before anyone has waited.

    Args:
        folder: with all that leads there.

    Raises:
        AuditError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuditError(f"cannot write to {folder}: {error.strerror}; give another --out") from error


def schema_text() -> str:
    """The JSON Schema (draft 7) of report.json, with the catalogue's keys as examples of a figure's."""
    text = resources.files("phasekey.audit.result").joinpath("report.schema.json").read_text(encoding="utf-8")
    return text.replace('"examples": []', f'"examples": {json.dumps(list(catalogue()))}')


def audit_text(audit: Audit) -> str:
    """The audit as JSON; the same audit gives the same text.

    Args:
        audit: to write.

    Returns:
        Text that ends in a line feed.

    Raises:
        AuditError: it does not keep the schema, e.g. for a figure that is not finite.
    """
    try:
        text = json.dumps(audit.facts_of(), indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise AuditError("a figure of the audit is NaN or infinite, which is a mistake of ours") from error
    _validate(json.loads(text), "the audit")
    return text + "\n"


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):  # numpy's scalars
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in report.json")


def load_audit(path: Path) -> Audit:
    """The audit in a report.json.

    Args:
        path: of the file, or of the folder that holds it.

    Returns:
        The audit.

    Raises:
        AuditError: there is none, or one that is damaged or of another version.
    """
    path = path / REPORT_FILE if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AuditError(
            f"no report at {path}; `phasekey audit --out FOLDER` writes FOLDER/{REPORT_FILE}"
        ) from error
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{path} cannot be read as JSON: it is damaged or something else; audit again"
        ) from error
    if isinstance(content, dict) and content.get("version") != FORMAT_VERSION:
        raise AuditError(
            f"{path} is of report format {content.get('version')!r}; this phasekey reads {FORMAT_VERSION}: "
            "use the version that wrote it, or audit again"
        )
    _validate(content, str(path))
    return read_audit(content)


def _validate(content: Any, what: str) -> None:
    try:
        _validator()(content)
    except fastjsonschema.JsonSchemaValueException as error:
        field = ".".join(map(str, error.path[1:])) or "top level"
        expected = error.definition.get("description") or f"a value that keeps the rule {error.rule!r}"
        raise AuditError(f"{what}: {field} is wrong, expected is {expected}; audit again") from error


@cache
def _validator() -> Callable[[Any], Any]:
    validator: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema_text()))
    return validator
