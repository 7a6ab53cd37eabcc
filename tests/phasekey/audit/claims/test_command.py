"""`phasekey audit` of checkpoints and bundles that promise something."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phasekey.audit.claims.run import STEPS
from phasekey.audit.result.summary import SUMMARY_FILE, load_summary
from phasekey.bundle import load_manifest
from phasekey.cli import main


@dataclass(frozen=True)
class Made:
    mode: str
    checkpoint: Path
    bundle: Path

    def options(self, kind: str) -> list[str]:
        return ["--ckpt", str(self.checkpoint)] if kind == "checkpoint" else ["--bundle", str(self.bundle)]


@pytest.fixture(scope="module", params=["bounded", "anonymous"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param)
    checkpoint, bundle = folder / "model.pt", folder / "bundle"
    assert main(["train", "--mode", request.param, "--epochs", "1", "--out", str(folder)]) == 0
    assert main(["export", "--ckpt", str(checkpoint), "--out", str(bundle), "--no-score"]) == 0
    return Made(request.param, checkpoint, bundle)


@pytest.mark.parametrize("kind", ["checkpoint", "bundle"])
def test_a_claim_is_judged_and_written_down(
    kind: str, made: Made, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, "quick", 150)
    # Few test images: an interval may miss 1/k by luck, so both outcomes are of this test's business.
    status = main(["audit", *made.options(kind), "--no-controls", "--out", str(tmp_path)])
    assert status in (0, 1)
    summary = _summary_of(made, kind)
    assert summary["kept"] is (status == 0)
    assert "Promised is " in summary["verdict"]
    facts = json.loads((tmp_path / "claims.json").read_text())
    keys = {figure["key"] for figure in facts["figures"]}
    if made.mode == "bounded":
        assert facts["claim"] == "nats"
        assert facts["nats"] == pytest.approx(0.186, abs=0.001)
        assert (facts["values"], facts["components"], facts["sigma"]) == (12, 24, 3.0)
        assert {"label-1", "label-8", "direction-8", "rows", "difference"} <= keys
        assert all(figure["kept"] for figure in facts["figures"] if figure["key"].startswith("direction"))
    else:
        assert facts["claim"] == "one-of-k"
        assert {"auc", "identification-4", "film-session-4", "film-4"} <= keys
    assert "| figure | attack |" in capsys.readouterr().out


def _summary_of(made: Made, kind: str) -> dict[str, Any]:
    """What the audit left where an export or a device looks for it."""
    if kind == "checkpoint":
        summary: dict[str, Any] = load_summary(made.checkpoint.parent / SUMMARY_FILE)
        return summary
    manifest = load_manifest(made.bundle / "edge")
    assert manifest.audit is not None
    assert (manifest.privacy_warning is None) is manifest.audit["kept"]
    card = (made.bundle / "model-card.md").read_text()
    assert "; promised: at " in card
    return manifest.audit


def test_the_next_export_takes_the_summary_along(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, "quick", 20)
    main(["audit", *made.options("checkpoint"), "--no-controls", "--out", str(tmp_path / "report")])
    export = ["export", "--ckpt", str(made.checkpoint), "--out", str(tmp_path / "bundle"), "--no-score"]
    summary = load_summary(made.checkpoint.parent / SUMMARY_FILE)
    assert main([*export, "--require-audit"]) == (0 if summary["kept"] else 2)
    if summary["kept"]:
        assert load_manifest(tmp_path / "bundle" / "edge").audit == summary


def test_options_of_the_ordinary_audit_are_refused(made: Made, tmp_path: Path, capsys) -> None:
    asked = ["audit", *made.options("checkpoint"), "--attacks", "ica", "--out", str(tmp_path)]
    assert main(asked) == 2
    assert "--attacks" in capsys.readouterr().err


def test_a_secret_that_nobody_attacks_is_refused(tmp_path: Path, capsys) -> None:
    """The ordinary audit would simulate a rotation of two components, and call safe what it never saw."""
    train = ["train", "--secret", "orthogonal", "--components", "4", "--defence", "none", "--epochs", "1"]
    assert main([*train, "--out", str(tmp_path)]) == 0
    assert main(["audit", "--ckpt", str(tmp_path / "model.pt"), "--out", str(tmp_path / "report")]) == 2
    said = capsys.readouterr().err
    assert "kind orthogonal and 4 components" in said
    assert "--mode bounded" in said
