"""What the images install: each package by its hash, in the tests' version, and all that it takes."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .dockerfile import DEPLOY, ROOT, pins

FILES = sorted((DEPLOY / "requirements").glob("*.txt"))
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "python_version": "3.11", "extra": ""}
ONLY_CUDA = re.compile(r"nvidia-[a-z0-9-]+|onnxruntime-gpu")


def needed(requirements: Iterable[str], extras: frozenset[str] = frozenset()) -> set[str]:
    """Names of these and of all that they need on the image's platform, as what is installed here says."""
    names = set()
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**LINUX, "extra": extra}) for extra in extras | {""}):
            lines = distribution(requirement.name).requires or ()
            names |= {canonicalize_name(requirement.name)} | needed(lines, frozenset(requirement.extras))
    return names


def test_each_package_comes_with_hashes_and_from_no_named_index() -> None:
    assert [path.stem for path in FILES] == ["build", "cpu", "cuda"]
    for path in FILES:
        text = path.read_text()
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"\S+==\S+", block), block
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
        assert "://" not in text
        assert "index" not in text


def test_versions_are_those_of_the_tests() -> None:
    tested = {canonicalize_name(name): version for name, version in pins(ROOT / "constraints.txt").items()}
    for path in FILES:
        for name, version in pins(path).items():
            if not (path.stem == "cuda" and ONLY_CUDA.fullmatch(name)):
                assert tested[name] == version, f"{path.name}: {name}; `make requirements` writes it anew"


def test_the_cpu_image_has_what_the_extras_need_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = needed([*project["dependencies"], *extras["cloud"], *extras["tracing"]])
    assert set(pins(DEPLOY / "requirements" / "cpu.txt")) == wanted


def test_the_cuda_image_differs_in_the_runtime_alone() -> None:
    """onnxruntime and onnxruntime-gpu own one folder: never both (record 12)."""
    cpu, cuda = (pins(DEPLOY / "requirements" / f"{name}.txt") for name in ("cpu", "cuda"))
    assert set(cpu) - set(cuda) == {"onnxruntime"}
    assert all(ONLY_CUDA.fullmatch(name) for name in set(cuda) - set(cpu))


@pytest.mark.parametrize("name", ["onnxruntime-gpu", "nvidia-cudnn-cu13", "nvidia-cuda-runtime"])
def test_the_cuda_image_brings_cuda_itself(name: str) -> None:
    assert name in pins(DEPLOY / "requirements" / "cuda.txt")
