"""Every audit of a checkpoint says what its device could do without a cloud."""

import json

from phasekey.audit.claims.run import STEPS
from phasekey.cli import main


def test_an_audit_says_what_the_cloud_adds(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(STEPS, "quick", 20)
    train = ["train", "--mode", "bounded", "--data", "digits", "--epochs", "1", "--out", str(tmp_path)]
    assert main(train) == 0
    audit = ["audit", "--ckpt", str(tmp_path / "model.pt"), "--out", str(tmp_path / "report")]
    assert main(audit) in (0, 1)
    facts = json.loads((tmp_path / "report" / "controls.json").read_text())
    low, high = facts["added_by_cloud"][1:]
    assert low <= high < 1
    assert facts["own_network_operations"] <= facts["device_operations"]
    assert "What the cloud adds" in capsys.readouterr().out
    assert "read-out" in (tmp_path / "report" / "controls.md").read_text()
