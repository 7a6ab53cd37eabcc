"""The gate: an export that asks for an audit gets one of this very checkpoint, or writes nothing."""

import json
import shutil
from pathlib import Path

import pytest

from export.audited import find_audit
from export.errors import ExportError
from phasekey.audit.errors import AuditError
from phasekey.bundle import load_manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.cli import main


def summary_of(checkpoint: Path, **changes) -> dict:
    return {
        "date": "2026-11-23", "phasekey": "0.1.0", "budget": "quick", "kind": "checkpoint",
        "subject_sha256": sha256_of_file(checkpoint), "audited": "in float32", "data": "digits",
        "decoy_law": "device", "keys": "derived", "box": "white", "incomplete": None,
        "verdict": "It leaks like a sieve.", "report_sha256": "ab" * 32,
        "figures": {
            "angle_circle": {"attack": "ica", "value": 0.1, "low": 0.09, "high": 0.11, "chance": 1.5708}
        },
    } | changes  # fmt: skip


@pytest.fixture
def checkpoint(exported, tmp_path: Path) -> Path:
    shutil.copy(exported.checkpoint, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def write(path: Path, summary: dict) -> Path:
    path.write_text(json.dumps(summary))
    return path


def test_the_audit_of_this_checkpoint_is_found_beside_it(checkpoint):
    summary = summary_of(checkpoint)
    write(checkpoint.parent / "audit.json", summary)
    assert find_audit(checkpoint) == find_audit(checkpoint, required=True) == summary


def test_without_one_only_a_required_one_is_missed(checkpoint):
    assert find_audit(checkpoint) is None
    with pytest.raises(ExportError, match=r"no audit\.json beside .*; run: phasekey audit --ckpt"):
        find_audit(checkpoint, required=True)


def test_an_audit_of_another_checkpoint_does_not_count(checkpoint):
    path = write(checkpoint.parent / "audit.json", summary_of(checkpoint, subject_sha256="00" * 32))
    assert find_audit(checkpoint) is None  # e.g. trained anew since
    for given, required in ((None, True), (path, False), (path, True)):
        with pytest.raises(ExportError, match="of another checkpoint: its SHA-256 starts with 0000"):
            find_audit(checkpoint, given, required=required)


def test_a_partial_audit_passes_no_gate_but_is_told(checkpoint):
    partial = summary_of(checkpoint, incomplete="only some attacks were run (--attacks)")
    path = write(checkpoint.parent / "elsewhere.json", partial)
    assert find_audit(checkpoint, path) == partial
    with pytest.raises(ExportError, match="not of a whole audit: only some attacks"):
        find_audit(checkpoint, path, required=True)


def test_a_damaged_summary_is_an_error(checkpoint):
    (checkpoint.parent / "audit.json").write_text("{")
    with pytest.raises(AuditError, match="damaged"):
        find_audit(checkpoint)


def test_the_command_refuses_and_writes_nothing(checkpoint, tmp_path, capsys):
    out = tmp_path / "bundle"
    assert main(["export", "--ckpt", str(checkpoint), "--out", str(out), "--require-audit"]) == 2
    assert "error: --require-audit" in capsys.readouterr().err
    assert not out.exists()


def test_an_audit_goes_into_manifest_and_card_and_changes_no_graph(exported, checkpoint, tmp_path):
    summary = summary_of(checkpoint)
    path = write(tmp_path / "given.json", summary)
    out = tmp_path / "bundle"
    gate = ["--require-audit", "--audit", str(path)]
    assert main(["export", "--ckpt", str(checkpoint), "--out", str(out), "--name", "gated", *gate]) == 0
    manifest = load_manifest(out / "edge")
    assert manifest.audit == summary
    assert manifest.bundle_id == load_manifest(exported.edge).bundle_id
    card = (out / "model-card.md").read_text()
    assert "It leaks like a sieve." in card
    assert "| Angle, full circle (rad) | 0.1 | 0.09 to 0.11 | 1.571 | ica |" in card
