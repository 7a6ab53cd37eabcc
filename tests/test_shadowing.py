"""A user's own model.py, sdk.py or audit.py in the current folder never takes the place of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phasekey.bundle import load_manifest

NAMES = ("model", "training", "audit", "bundle", "wire", "command", "cli", "layers", "proto", "data", "demo")
PACKAGES = ("sdk", "export", "edge_runtime", "cloud_runtime")  # ours, at the top level
TRAP = (
    "from pathlib import Path\nPath('{name}-was-imported').touch()\nraise SystemExit('shadowed by {name}')\n"
)


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder full of modules and packages of a user's own, each of which tells when it is imported."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(TRAP.format(name=name))
    (folder / "training").mkdir()
    (folder / "training" / "__init__.py").write_text(TRAP.format(name="training-package"))
    return folder


def run(folder: Path, *command: str, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("*-was-imported")) == []
    return done.stdout


def test_commands_run_from_a_folder_with_names_like_ours(exported, served: str, crowded: Path) -> None:
    python = sys.executable
    console = str(Path(python).with_name("phasekey"))
    run(crowded, console, "train", "--data", "digits", "--epochs", "1", "--out", "out/run")
    run(crowded, python, "-m", "export", "--ckpt", "out/run/model.pt", "--out", "out/bundle")
    assert load_manifest(crowded / "out" / "bundle" / "edge").model_name.startswith("lenet-digits-")
    run(crowded, python, "-m", "cloud_runtime", "--help")
    image, edge = str(exported.files[0]), str(exported.edge)
    table = run(crowded, python, "-m", "sdk", "predict", "--bundle", edge, "--target", served, image)
    assert (
        table == run(crowded, console, "predict", "--bundle", edge, "--target", served, image)
        or image in table
    )


@pytest.mark.parametrize("search_path", ["", "."], ids=["as installed", "the current folder searched first"])
def test_the_console_command_is_safe_from_packages_named_like_ours(
    exported, served: str, crowded: Path, search_path: str
) -> None:
    for name in PACKAGES:
        (crowded / f"{name}.py").write_text(TRAP.format(name=name))
    console = str(Path(sys.executable).with_name("phasekey"))
    variables = {"PYTHONPATH": search_path} if search_path else {}
    for name in ("train", "serve", "audit", "plan"):
        run(crowded, console, name, "--help", **variables)
    run(crowded, console, "export", "--ckpt", str(exported.checkpoint), "--out", "out", **variables)
    image, edge = str(exported.files[0]), str(exported.edge)
    assert image in run(crowded, console, "predict", "--bundle", edge, "--target", served, image, **variables)


def test_the_trap_would_notice(crowded: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import model"], cwd=crowded, capture_output=True, timeout=60
    )
    assert done.returncode != 0
    assert [path.name for path in crowded.glob("*-was-imported")] == ["model-was-imported"]
