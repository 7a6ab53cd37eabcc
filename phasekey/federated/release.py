"""From a round's checkpoint to a bundle that devices take: audited, exported, signed, each step once."""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.audited import find_audit
from export.errors import ExportError
from export.pipeline import ExportOptions, export_checkpoint
from phasekey.audit import command as audit
from phasekey.bundle import edge_of, load_manifest
from phasekey.bundle.errors import BundleError
from phasekey.bundle.signature import load_signature
from phasekey.federated.errors import FederatedError
from phasekey.signing.keys import load_key
from phasekey.signing.sign import sign_bundle


@dataclass(frozen=True)
class Release:
    """How bundles are made.

    Attributes:
        key: file of the private key that signs.
        budget: of the audit.
        data: the words of --data, for the audit; None for what the checkpoint was trained on.
        say: takes a line about each step.
    """

    key: Path
    budget: str
    data: str | None
    say: Callable[[str], None]


def release(checkpoint: Path, folder: Path, how: Release) -> Path:
    """Audit, export and sign a checkpoint; go on where a call that was cut off had come to.

    Args:
        checkpoint: of a round, proved.
        folder: for a copy of it, the audit and the bundle: one folder for one checkpoint.
        how: key, budget, data.

    Returns:
        The folder of the signed bundle.

    Raises:
        FederatedError: the folder cannot be written, or is of another checkpoint.
        ExportError: the audit found a promise broken, or a graph cannot be exported.
        AuditError, SigningError, TrainingError, BundleError: as audit, key, checkpoint and folder have them.
    """
    key = load_key(how.key)  # before the long part
    copy, bundle = folder / "model.pt", folder / "bundle"
    _keep(checkpoint, copy)
    if _signed(bundle):
        return bundle
    if not _audited(copy):
        how.say(f"auditing {copy}, budget {how.budget}")
        _audit(copy, folder / "audit", how)
    export_checkpoint(copy, bundle, ExportOptions(require_audit=True, score=False))
    signed = sign_bundle(bundle, key)
    how.say(f"signed {bundle}, version {signed.version}, key {signed.key}")
    return bundle


def _keep(checkpoint: Path, copy: Path) -> None:
    """Copy it: the next round writes another in its place."""
    try:
        if copy.is_file():
            if copy.read_bytes() != checkpoint.read_bytes():
                raise FederatedError(f"{str(copy)!r} is of another checkpoint; give another folder")
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_name("model.pt.partial")
        shutil.copyfile(checkpoint, partial)
        partial.replace(copy)
    except OSError as error:
        raise FederatedError(f"cannot write {str(copy.parent)!r}: {error.strerror}") from error


def _signed(bundle: Path) -> bool:
    try:
        return (
            load_signature(edge_of(bundle)) is not None and load_manifest(edge_of(bundle)).audit is not None
        )
    except BundleError:  # not there yet, or cut short
        return False


def _audited(checkpoint: Path) -> bool:
    try:
        return find_audit(checkpoint, required=True) is not None
    except ExportError:
        return False


def _audit(checkpoint: Path, out: Path, how: Release) -> None:
    parser = argparse.ArgumentParser()
    audit.add_arguments(parser)
    words = ["--ckpt", str(checkpoint), "--budget", how.budget, "--out", str(out), "--no-controls"]
    audit.run(parser.parse_args([*words, *(["--data", how.data] if how.data else [])]))
