"""Where the summary of an audit goes: beside the checkpoint, or into the bundle's manifest and card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from phasekey.audit.errors import AuditError
from phasekey.audit.report.card import CARD_FILE, replace_section
from phasekey.audit.result.summary import SUMMARY_FILE, summary_text
from phasekey.audit.subject.bundle_device import edge_of
from phasekey.bundle import MANIFEST_FILE, load_manifest
from phasekey.errors import PhasekeyError
from phasekey.files import write_whole


def beside_checkpoint(checkpoint: Path, summary: Mapping[str, Any]) -> Path:
    """Write audit.json beside the checkpoint. Raises PhasekeyError where that folder is not writable."""
    path = checkpoint.resolve().parent / SUMMARY_FILE
    write_whole(path, summary_text(summary).encode(), error=AuditError)
    return path


def into_bundle(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write the summary into the manifest's `audit`, and into the card where one lies beside it.

    Nothing else of the manifest changes but its checksum. Raises PhasekeyError where it cannot be written.
    """
    edge = edge_of(folder)
    manifest = replace(load_manifest(edge), audit=dict(summary))
    write_whole(edge / MANIFEST_FILE, manifest.to_json().encode(), error=AuditError)
    card = edge.parent / CARD_FILE
    if card.is_file():
        replace_section(card, summary)
    return edge / MANIFEST_FILE


def deliver(kind: str, subject: Path, out: Path, summary: Mapping[str, Any]) -> str:
    """Write the summary to OUT/audit.json and to where it belongs; returns a sentence on where that is."""
    copy = out / SUMMARY_FILE
    write_whole(copy, summary_text(summary).encode(), error=AuditError)
    try:
        path = beside_checkpoint(subject, summary) if kind == "checkpoint" else into_bundle(subject, summary)
    except PhasekeyError as error:
        way = f"; export with --audit {copy}" if kind == "checkpoint" else ""
        return f"its summary is in {copy} only: {error}{way}"
    return f"its summary is in {path}"
