"""What deploy/Dockerfile says, stage by stage, and its RUN lines carried out in a folder."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_FROM = re.compile(r"(\S+) AS (\S+)")
_DOWNLOAD = re.compile(r"\S+/pip install --require-hashes .*-r (\S+)$")


def read_stages() -> dict[str, list[tuple[str, str]]]:
    """Give the stages' instructions in order, with those of the stage that each starts from: (name, rest)."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    stages: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in lines:
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, name = _FROM.fullmatch(rest).groups()
            current = stages[name] = list(stages.get(base, []))
        elif stages:
            current.append((instruction, rest))
    return stages


class Image:
    """One stage's settings, as an engine would start it."""

    def __init__(self, stage: str) -> None:
        said = read_stages()[stage]
        self.environment = dict(
            word.partition("=")[::2] for name, rest in said if name == "ENV" for word in shlex.split(rest)
        )
        self.entrypoint = json.loads(next(rest for name, rest in said if name == "ENTRYPOINT"))
        self.user = next(rest for name, rest in said if name == "USER")
        check = next(rest for name, rest in said if name == "HEALTHCHECK")
        self.healthcheck = json.loads(check.partition("CMD ")[2])
        self.stop_signal = next(rest for name, rest in said if name == "STOPSIGNAL")


def replay(folder: Path, *, download: bool = False) -> None:
    """Do what the CPU image's stages do, with ``folder`` in the place of ``/``.

    Args:
        folder: an empty folder; /opt and /src come to lie in it.
        download: fetch the packages as the image does; by default those of the same versions that this
            environment has are copied, and no others.
    """
    stages = read_stages()
    source = folder / "src"
    copy_context(source)
    done: list[str] = []
    for stage in ("tools", "wheel", "cpu-packages", "runtime", "cpu"):
        for instruction, rest in stages[stage]:
            if instruction == "RUN" and rest not in done:
                done.append(rest)
                _run(rest, folder, source, download)
            if instruction == "COPY" and "healthcheck" in rest:
                shutil.copy(DEPLOY / "healthcheck.py", folder / "opt")


def copy_context(target: Path) -> None:
    """Copy what Dockerfile.dockerignore lets through."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert lines[0] == "*"
    for line in lines[1:]:
        if line.startswith("!"):
            path, there = ROOT / line[1:], target / line[1:]
            there.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, there, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, there)


def pins(requirements: Path) -> dict[str, str]:
    """Name → version of a requirements file."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", requirements.read_text(), re.MULTILINE))


def _run(command: str, folder: Path, source: Path, download: bool) -> None:
    command = re.sub(r"^--mount=\S+\s*", "", command)
    fetched = _DOWNLOAD.fullmatch(command)
    if fetched and not download:
        _copy_installed(pins(source / fetched[1]), folder)
        return
    environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "PIP_NO_DEPS": "1"}
    path = f"{sys.base_prefix}/bin:{os.environ['PATH']}"
    subprocess.run(
        ["/bin/sh", "-c", command.replace("/opt/", f"{folder}/opt/")],
        cwd=source,
        env={**os.environ, **environment, "PATH": path},
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    )


def _copy_installed(wanted: dict[str, str], folder: Path) -> None:
    (packages,) = (folder / "opt/phasekey/lib").glob("python3.*/site-packages")
    for name, version in wanted.items():
        for old in (
            packages / name,
            *packages.glob(f"{name}-*.dist-info"),
        ):
            shutil.rmtree(old, ignore_errors=True)
        found = distribution(name)
        assert found.version == version, f"{name} {found.version} is installed, the image has {version}"
        for file in found.files or ():
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            there = packages / file
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), there)
