"""Small real data: a few of the handwritten digits, in memory and as an image folder of PNG files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.published.digits import load_digits
from phasekey.training.settings.config import TrainConfig


@pytest.fixture(scope="session")
def digits():
    return load_digits()


@pytest.fixture(scope="session")
def few_digits(digits):
    """48 training and 24 test images."""
    return ImageDataset(
        "few",
        digits.classes,
        Split(digits.train.images[:48], digits.train.labels[:48]),
        Split(digits.test.images[:24], digits.test.labels[:24]),
        augment="shift",
    )


@pytest.fixture
def one_epoch(tmp_path):
    return TrainConfig(epochs=1, batch_size=16, warmup=0, device="cpu", out=tmp_path / "run")


@pytest.fixture
def one_thread():
    """Sums in one order: bit-equal results are promised for one thread only."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def image_folder(tmp_path):
    """Write an image folder: two classes, three RGB images of 6×4 each in both splits; returns its path."""

    def write(name="pets", *, classes=("cat", "dog"), splits=("train", "test"), mode="RGB") -> Path:
        random = np.random.default_rng(0)
        for split in splits:
            for label in classes:
                folder = tmp_path / name / split / label
                folder.mkdir(parents=True)
                for number in range(3):
                    pixels = random.integers(0, 256, (4, 6, 3), np.uint8)
                    Image.fromarray(pixels).convert(mode).save(folder / f"{number}.png")
        return tmp_path / name

    return write
