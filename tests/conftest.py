"""What many tests share: one small trained network, exported once for the whole run."""

import os
import sys
import tempfile

# No test writes into the data folder of whoever runs it, nor do the processes that tests start.
os.environ["PHASEKEY_DATA_DIR"] = tempfile.mkdtemp(prefix="phasekey-tests-")
# Before anything imports torch: waiting threads sleep, or two busy cores slow each other tenfold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# One thread where nothing else is asked for, in the processes that tests start too: quickest on few cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from .small_export import new_export, small_export  # noqa: F401 - fixtures: an export in a millisecond, no torch

# A test that passed passes again, whatever ran before it and however slow the machine is: torch draws anew
# before each, hypothesis the same examples, with no time limit. PHASEKEY_TESTS_SEED draws otherwise.
SEED = "PHASEKEY_TESTS_SEED"
settings.register_profile("phasekey", settings.get_profile("ci"), derandomize=SEED not in os.environ)
settings.load_profile("phasekey")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed torch, for the fixtures of a test too."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(int(os.environ.get(SEED, "0")))


@dataclass(frozen=True)
class Exported:
    """A checkpoint of a LeNet on real digits, its bundle, and some held-out images on disk."""

    checkpoint: Path
    bundle: Path
    images: np.ndarray  # uint8 (20, 32, 32, 1)
    files: tuple[Path, ...]

    @property
    def edge(self) -> Path:
        return self.bundle / "edge"

    @property
    def cloud(self) -> Path:
        return self.bundle / "cloud"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Train and export by the commands that people use."""
    from phasekey.cli import main
    from phasekey.training.data.registry import load_dataset

    folder = tmp_path_factory.mktemp("exported")
    checkpoint, bundle = folder / "run" / "model.pt", folder / "bundle"
    assert main(["train", "--data", "digits", "--epochs", "2", "--out", str(checkpoint.parent)]) == 0
    assert main(["export", "--ckpt", str(checkpoint), "--out", str(bundle)]) == 0
    images = load_dataset("digits", None).test.images[:20]
    files = []
    for index, image in enumerate(images):
        files.append(folder / f"digit{index}.png")
        Image.fromarray(image.squeeze()).save(files[-1])
    return Exported(checkpoint, bundle, images, tuple(files))


@pytest.fixture(scope="session")
def coarse(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The same network with int8 arithmetic in the cloud and int8 on the wire."""
    from phasekey.cli import main

    bundle = tmp_path_factory.mktemp("coarse") / "bundle"
    options = ["--processing", "int8", "--wire", "int8", "--calibration", "digits"]
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(bundle), *options]) == 0
    return replace(exported, bundle=bundle)


@pytest.fixture(scope="session")
def served(exported: Exported) -> Iterator[str]:
    """The address of a real server, in a process of its own, that has the exported module."""
    from phasekey.served import running_server

    with running_server(exported.cloud) as address:
        yield address
