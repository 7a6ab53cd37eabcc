"""The code on the page about own networks runs as it stands, and what it trains is exported and attacked."""

import re
from pathlib import Path
from typing import Any

import pytest

from phasekey.audit.subject.subject import open_checkpoint
from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import load_checkpoint

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-network.md"


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return re.findall(r"```py\n(.*?)```", PAGE.read_text(), re.DOTALL)


def names_of(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def test_networks_are_split_as_the_page_says(blocks: list[str]) -> None:
    cut, pretrained, _, described = blocks
    assert names_of(cut)["network"].feature_shape == (8, 14, 14)
    assert names_of(pretrained)["network"].architecture.pixel_std == (0.229, 0.224, 0.225)
    network = SplitNetwork(names_of(described)["describe"](), classes=10, image=(3, 32, 32))
    assert network.feature_shape == (16, 16, 16)
    assert network.processed_shape == (64, 8, 8)


def test_what_the_page_trains_is_exported_and_can_be_attacked(
    blocks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names_of(blocks[2])
    model = Path("runs/mine/model.pt")
    assert load_checkpoint(model).config["defence"] == "hardened"
    subject = open_checkpoint(model)
    assert (subject.data, subject.facts["head"], subject.facts["defence"]) == (
        "digits",
        "deep-bottleneck",
        "hardened",
    )
    capsys.readouterr()
    assert main(["export", "--ckpt", str(model), "--out", "build/my own"]) == 0
    said = capsys.readouterr()
    assert "next  phasekey serve --model-repository 'build/my own/cloud' --listen" in said.out
    assert "phasekey predict --bundle 'build/my own/edge' --target" in said.out
    (warning,) = [line for line in said.err.splitlines() if line.startswith("warning: ")]
    assert "this bundle was never audited" in warning
    manifest = load_manifest(Path("build/my own/edge"))
    assert manifest.model_name.startswith("own-digits-")
    assert manifest.decoy.source == "gaussian-features"
    assert manifest.proof.verdict == "proved"
    assert "description" not in manifest.network  # the device has no use for it
