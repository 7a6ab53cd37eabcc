"""The wheel alone, in clean environments, predicts: the full proof that the edge needs no torch.

One environment for each Python that this machine has and the wheel takes.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRAINING_ONLY = ("torch", "onnx", "onnxscript", "sklearn", "tqdm", "matplotlib", "scipy")
VERSIONS = ("3.11", "3.12", "3.13")
PACKAGES = {"sdk", "export", "edge_runtime", "cloud_runtime", "phasekey"}


def interpreters() -> dict[str, str]:
    """Version -> program, of those that start: a version manager leaves names in PATH that do not."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in VERSIONS:
        installed = (str(path) for path in sorted(pyenv.glob(f"{version}*/bin/python")))
        for program in (shutil.which(f"python{version}"), *installed):
            if program and starts(program, version):
                found[version] = program
                break
    return found | {".".join(map(str, sys.version_info[:2])): sys.executable}


def starts(program: str, version: str) -> bool:
    asked = "import ensurepip, sys, venv; print('.'.join(map(str, sys.version_info[:2])))"
    done = subprocess.run([program, "-c", asked], capture_output=True, text=True, timeout=60)
    return done.stdout.strip() == version


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy: setuptools leaves a build/ behind, and packs what lies in an old one.
    source = folder / "source"
    for name in sorted(PACKAGES):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=list(interpreters().values()), ids=list(interpreters()))
def clean(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that holds the wheel and what it asks for, nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    run(request.param, "-m", "venv", folder / "env", cwd=folder)
    binaries = folder / "env" / "bin"
    run(binaries / "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return binaries


def test_the_wheel_holds_our_packages_and_no_other_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == PACKAGES
    assert "phasekey/bundle/schema/schema.json" in names
    assert "sdk/py.typed" in names


@pytest.mark.parametrize("program", ["phasekey", "sdk", "export", "cloud_runtime"])
def test_every_command_tells_its_version(clean: Path, wheel: Path, program: str, tmp_path: Path) -> None:
    command = (clean / "phasekey",) if program == "phasekey" else (clean / "python", "-m", program)
    assert run(*command, "--version", cwd=tmp_path).strip() == f"phasekey {wheel.name.split('-')[1]}"


def test_serving_says_which_extra_it_needs(clean: Path, tmp_path: Path) -> None:
    done = subprocess.run([str(clean / "phasekey"), "serve"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'phasekey[cloud]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_serves_and_predicts_without_torch(
    clean: Path, wheel: Path, exported, tmp_path: Path
) -> None:
    install = (clean / "pip", "install", "-q", "-c", ROOT / "constraints.txt")
    run(*install, f"{wheel}[cloud]", cwd=tmp_path)
    installed = run(clean / "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path).lower()
    assert not [name for name in TRAINING_ONLY if re.search(rf"^{name}==", installed, re.MULTILINE)]
    command = [clean / "phasekey", "serve", "--model-repository", exported.cloud, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(
        [str(part) for part in command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        target = server.stdout.readline().removeprefix("listening on ").split(",")[0]
        arguments = ("predict", "--bundle", exported.edge, "--target", target, exported.files[0])
        refused = subprocess.run(
            [str(part) for part in (clean / "phasekey", *arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert refused.returncode == 2
        assert "pip install 'phasekey[images]'" in refused.stdout + refused.stderr
        run(*install, f"{wheel}[images]", cwd=tmp_path)
        for program in ((clean / "phasekey",), (clean / "python", "-m", "sdk")):
            table = run(*program, *arguments, cwd=tmp_path)
            assert re.search(rf"{exported.files[0]}\s+\d\s+[01]\.\d+", table), table
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_training_commands_say_which_extra_they_need(clean: Path, exported, tmp_path: Path) -> None:
    for arguments in (("train",), ("export", "--ckpt", exported.checkpoint)):
        done = subprocess.run(
            [str(part) for part in (clean / "phasekey", *arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "pip install 'phasekey[train]'" in done.stderr
        assert "Traceback" not in done.stderr
