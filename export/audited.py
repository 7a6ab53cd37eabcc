"""The privacy audit that goes with an export: found, held to the checkpoint, or refused."""

from pathlib import Path
from shlex import quote
from typing import Any

from export.errors import ExportError
from phasekey.audit.result.summary import SUMMARY_FILE, load_summary
from phasekey.bundle.checksums import sha256_of_file

HOW = "run: phasekey audit --ckpt {checkpoint}"


def find_audit(
    checkpoint: Path, given: Path | None = None, *, required: bool = False
) -> dict[str, Any] | None:
    """Find the summary of an audit of this very checkpoint.

    Args:
        checkpoint: its file.
        given: the summary's file; otherwise audit.json beside the checkpoint is taken if it is of this one.
        required: refuse to go on without one.

    Returns:
        The summary, or None where there is none.

    Raises:
        ExportError: a given one is of another checkpoint; or one is required and missing, of another
            checkpoint, partial, or found a promise broken.
        AuditError: the file is no summary.
    """
    path = given or checkpoint.resolve().parent / SUMMARY_FILE
    if given is None and not path.is_file():
        _require(not required, f"--require-audit: there is no {SUMMARY_FILE} beside {checkpoint}", checkpoint)
        return None
    summary = load_summary(path)
    fits = summary["subject_sha256"] == sha256_of_file(checkpoint)
    _require(
        fits or (given is None and not required),
        f"{path} is of another checkpoint: its SHA-256 starts with {summary['subject_sha256'][:12]}",
        checkpoint,
    )
    if not fits:
        return None
    _require(
        not (required and summary.get("kept") is False),
        f"--require-audit: {path}: {summary['verdict']}",
        checkpoint,
    )
    missing = summary.get("incomplete")
    _require(
        not (required and missing), f"--require-audit: {path} is not of a whole audit: {missing}", checkpoint
    )
    return summary


def _require(holds: bool, problem: str, checkpoint: Path) -> None:
    if not holds:
        raise ExportError(f"{problem}; {HOW.format(checkpoint=quote(str(checkpoint)))}")
