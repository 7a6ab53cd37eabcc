"""Where the summary of an audit goes: beside the checkpoint, or into the bundle's manifest and card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from google.protobuf import text_format

from phasekey.audit.errors import AuditError
from phasekey.audit.report.card import CARD_FILE, replace_section
from phasekey.audit.result.summary import SUMMARY_FILE, summary_text
from phasekey.bundle import MANIFEST_FILE, Manifest, audit_state, edge_of, load_manifest
from phasekey.bundle.metadata import AUDIT
from phasekey.errors import PhasekeyError
from phasekey.files import write_whole
from phasekey.wire.model_config_pb2 import ModelConfig

CONFIG_FILE = "config.pbtxt"


def beside_checkpoint(checkpoint: Path, summary: Mapping[str, Any]) -> Path:
    """Write audit.json beside the checkpoint.

    Args:
        checkpoint: its path.
        summary: from `summarise`.

    Raises:
        PhasekeyError: that folder is not writable.
    """
    path = checkpoint.resolve().parent / SUMMARY_FILE
    write_whole(path, summary_text(summary).encode(), error=AuditError)
    return path


def into_bundle(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write the summary into the manifest's `audit`, and into the card and the cloud's half beside it.

    Nothing else of the manifest changes but its checksum. Raises PhasekeyError where it cannot be written.
    """
    edge = edge_of(folder).absolute()
    manifest = replace(load_manifest(edge), audit=dict(summary))
    write_whole(edge / MANIFEST_FILE, manifest.to_json().encode(), error=AuditError)
    card = edge.parent / CARD_FILE
    if card.is_file():
        replace_section(card, summary)
    _tell_the_cloud(edge.parent / "cloud" / manifest.model_name / CONFIG_FILE, manifest)
    return edge / MANIFEST_FILE


def _tell_the_cloud(path: Path, manifest: Manifest) -> None:
    """Put one word on the audit into config.pbtxt, where there is one: the server says it at its start."""
    if not path.is_file():
        return
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise AuditError(
            f"{path} is no model configuration; copy the bundle again, or export again"
        ) from error
    config.parameters[AUDIT].string_value = audit_state(manifest.audit)
    write_whole(path, text_format.MessageToString(config).encode(), error=AuditError)


def deliver(kind: str, subject: Path, out: Path, summary: Mapping[str, Any]) -> str:
    """Write the summary to OUT/audit.json and to where it belongs; returns a sentence on where that is."""
    copy = out / SUMMARY_FILE
    write_whole(copy, summary_text(summary).encode(), error=AuditError)
    try:
        path = beside_checkpoint(subject, summary) if kind == "checkpoint" else into_bundle(subject, summary)
    except PhasekeyError as error:
        way = f"; export with --audit {quote(str(copy))}" if kind == "checkpoint" else ""
        return f"its summary is in {copy} only: {error}{way}"
    return f"its summary is in {path}"
