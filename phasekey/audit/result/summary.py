"""The summary of an audit: what goes into a bundle's manifest, and beside a checkpoint as audit.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from phasekey import __version__
from phasekey.audit.errors import AuditError
from phasekey.audit.result.result import Audit

SUMMARY_FILE = "audit.json"
DIGITS = 6
_FIELDS = {"subject_sha256": str, "verdict": str, "figures": dict, "report_sha256": str, "budget": str}


class Measured(Protocol):
    """A figure of any audit: its value, the ends of its 95% interval, and chance."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def chance(self) -> float: ...


def summarise(audit: Audit, verdict: str, grade: str | None, report_sha256: str) -> dict[str, Any]:
    """The summary as plain values, as docs/manifest.schema.json describes them under `audit`.

    Args:
        audit: the whole one.
        verdict: one sentence.
        grade: of the worst finding, in one word, or None where nothing was measured.
        report_sha256: of the report.json.

    Returns:
        For JSON.
    """
    subject = audit.subject
    return {
        "date": audit.facts["date"],
        "phasekey": __version__,
        "budget": audit.effort["name"],
        "kind": subject["kind"],
        "subject_sha256": subject["sha256"],
        **{name: subject[name] for name in ("audited", "data", "decoy_law", "keys", "box", "incomplete")},
        "verdict": verdict,
        "grade": grade,
        "figures": _figures(audit),
        "report_sha256": report_sha256,
    }


def _figures(audit: Audit) -> dict[str, Any]:
    strongest = {key: audit.strongest(key) for key in audit.keys()}  # noqa: SIM118 - a method of ours
    return {key: plain(found[0].name, found[1]) for key, found in strongest.items() if found is not None}


def plain(attack: str, figure: Measured) -> dict[str, Any]:
    """One figure as a summary has it.

    Args:
        attack: the strongest attack's name.
        figure: what it reached.

    Returns:
        Value, interval and chance, rounded to six digits.
    """
    numbers = {name: getattr(figure, name) for name in ("value", "low", "high", "chance")}
    return {"attack": attack, **{name: rounded(number) for name, number in numbers.items()}}


def rounded(number: float) -> float:
    """A number to six digits: more would say nothing."""
    return float(f"{number:.{DIGITS}g}")


def summary_text(summary: Mapping[str, Any]) -> str:
    """The summary as JSON, keys in order.

    Args:
        summary: from `summarise`.

    Returns:
        Text that ends in a line feed.
    """
    return json.dumps(summary, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def load_summary(path: Path) -> dict[str, Any]:
    """The summary in an audit.json.

    Args:
        path: of the file.

    Returns:
        Plain values.

    Raises:
        AuditError: it is missing or no summary.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AuditError(
            f"no audit at {path}; `phasekey audit --ckpt FILE` writes one beside the checkpoint"
        ) from error
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{path} cannot be read as JSON: it is damaged or something else; audit again"
        ) from error
    if not isinstance(summary, dict) or any(not isinstance(summary.get(k), t) for k, t in _FIELDS.items()):
        raise AuditError(f"{path} is no summary of an audit, which `phasekey audit` writes as {SUMMARY_FILE}")
    return summary
