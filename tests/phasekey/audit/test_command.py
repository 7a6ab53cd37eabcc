"""The command as people use it, on the real digits network, with one attack and few images."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from phasekey.audit import pipeline
from phasekey.audit.attacks.angle.mean_template import MeanTemplate
from phasekey.audit.attacks.other.decoy_pool import DecoyPool
from phasekey.audit.budget import EFFORTS
from phasekey.audit.command import BUDGETS
from phasekey.bundle import load_manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.cli import main

ALWAYS, NEVER = "[angle_circle]\nat_least = 0.0", "[angle_circle]\nat_least = 3.0"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(EFFORTS["control"], name="quick", train_images=300, validation_images=60, test_images=100)
    monkeypatch.setitem(EFFORTS, "quick", few)
    monkeypatch.setattr(pipeline, "ATTACKS", (MeanTemplate(), DecoyPool()))


@pytest.fixture
def checkpoint(exported, tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return Path(shutil.copy(exported.checkpoint, tmp_path / "run" / "model.pt"))


@pytest.fixture
def bundle(exported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported.bundle, tmp_path / "bundle"))


def thresholds(folder: Path, text: str) -> str:
    path = folder / "thresholds.toml"
    path.write_text(text)
    return str(path)


def test_a_checkpoint_is_audited_and_the_next_export_takes_it_along(checkpoint, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["audit", "--no-controls", "--ckpt", str(checkpoint), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "mean-template" in said
    assert str(checkpoint.parent / "audit.json") in said
    assert {"report.html", "report.json", "examples.npz", "audit.json"} <= {p.name for p in out.iterdir()}
    summary = json.loads((checkpoint.parent / "audit.json").read_text())
    assert summary["subject_sha256"] == sha256_of_file(checkpoint)
    assert summary["report_sha256"] == sha256_of_file(out / "report.json")
    built = tmp_path / "built"
    assert main(["export", "--ckpt", str(checkpoint), "--out", str(built), "--require-audit"]) == 0
    assert load_manifest(built / "edge").audit == summary


def test_a_bundle_gets_its_summary_and_still_opens(bundle, tmp_path, capsys):
    from sdk import EdgeClient

    assert main(["audit", "--bundle", str(bundle), "--out", str(tmp_path / "report")]) == 0
    assert "manifest.json" in capsys.readouterr().out
    manifest = load_manifest(bundle / "edge")
    assert manifest.audit["kind"] == "bundle"
    assert manifest.audit["subject_sha256"] == manifest.bundle_id
    assert "float16" in manifest.audit["audited"]
    EdgeClient(bundle / "edge", target="127.0.0.1:1").close()


def test_thresholds_become_an_exit_status(checkpoint, tmp_path, capsys):
    call = [
        "audit",
        "--no-controls",
        "--ckpt",
        str(checkpoint),
        "--out",
        str(tmp_path / "report"),
        "--fail-above",
    ]
    assert main([*call, thresholds(tmp_path, ALWAYS)]) == 0
    assert main([*call, thresholds(tmp_path, NEVER)]) == 1
    assert "threshold broken: angle_circle must be at least 3, but mean-template" in capsys.readouterr().err


def test_a_subset_is_marked_and_passes_no_gate(checkpoint, tmp_path, capsys):
    out = tmp_path / "report"
    call = [
        "audit",
        "--no-controls",
        "--ckpt",
        str(checkpoint),
        "--out",
        str(out),
        "--attacks",
        "mean-template",
    ]
    assert main([*call, "--fail-above", thresholds(tmp_path, ALWAYS)]) == 2
    assert "leave out --attacks" in capsys.readouterr().err
    assert main(call) == 0
    assert "Not a whole audit" in capsys.readouterr().out
    (skipped,) = [a for a in json.loads((out / "report.json").read_text())["attacks"] if a["skipped"]]
    assert skipped["name"] == "decoy-pool"
    gate = ["export", "--ckpt", str(checkpoint), "--out", str(tmp_path / "built"), "--require-audit"]
    assert main(gate) == 2
    assert "not of a whole audit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --ckpt FILE or --bundle DIR"),
        (["--ckpt", "a.pt", "--bundle", "b"], "one of the two"),
        (["--ckpt", "none.pt"], "no checkpoint at"),
        (["--bundle", "none"], "No bundle at"),
        (["--ckpt", "a.pt", "--seed", "-1"], "--seed takes"),
        (["--ckpt", "a.pt", "--fail-above", "none.toml"], "no thresholds at"),
        (["model.pt"], "did you mean --ckpt model.pt"),
        (["compare", "one"], "two reports or more"),
        (["compare", "one", "two"], "no report at"),
    ],
)
def test_mistakes_are_answered_before_the_long_part(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["audit", *options]) == 2
    assert said in capsys.readouterr().err


def test_reports_are_laid_side_by_side(small_audit, tmp_path):
    from phasekey.audit.result.report_json import audit_text

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(audit_text(small_audit))
    out = tmp_path / "both"
    assert main(["audit", "compare", str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(out)]) == 0
    assert list(out.glob("*.html"))


def test_the_budgets_exist():
    assert set(BUDGETS) < set(EFFORTS)
