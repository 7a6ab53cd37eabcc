"""`phasekey audit` of checkpoints that promise something."""

import json
from pathlib import Path

import pytest

from phasekey.audit.claims.run import STEPS
from phasekey.cli import main


@pytest.fixture(scope="module", params=["bounded", "anonymous"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    assert main(["train", "--mode", request.param, "--epochs", "1", "--out", str(folder)]) == 0
    return request.param, folder / "model.pt"


def test_a_claim_is_judged_and_written_down(
    trained: tuple[str, Path], tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STEPS, "quick", 150)
    mode, checkpoint = trained
    # Few test images: an interval may miss 1/k by luck, so both outcomes are of this test's business.
    assert main(["audit", "--ckpt", str(checkpoint), "--out", str(tmp_path)]) in (0, 1)
    facts = json.loads((tmp_path / "claims.json").read_text())
    keys = {figure["key"] for figure in facts["figures"]}
    if mode == "bounded":
        assert facts["claim"] == "nats"
        assert facts["nats"] == pytest.approx(0.275, abs=0.001)
        assert {"label-1", "label-8", "direction-8", "rows", "difference"} <= keys
        assert all(figure["kept"] for figure in facts["figures"] if figure["key"].startswith("direction"))
    else:
        assert facts["claim"] == "one-of-k"
        assert {"auc", "identification-4", "film-session-4", "film-4"} <= keys
    assert "| figure | attack |" in capsys.readouterr().out


def test_options_of_the_ordinary_audit_are_refused(trained: tuple[str, Path], tmp_path: Path, capsys) -> None:
    asked = ["audit", "--ckpt", str(trained[1]), "--attacks", "ica", "--out", str(tmp_path)]
    assert main(asked) == 2
    assert "--attacks" in capsys.readouterr().err
