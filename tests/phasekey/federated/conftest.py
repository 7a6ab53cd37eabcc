"""A small network with norms after the encoder, and images of two classes."""

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.model.split import split
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.own import own_network


def images_of(count, seed):
    """Dark and light images, noisy, by turns."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = generator.normal(80 + 90 * labels[:, None, None, None], 40, (count, 8, 8, 1))
    return Split(pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int64))


@pytest.fixture(scope="session")
def dataset():
    return ImageDataset("two", ("dark", "light"), images_of(160, 0), images_of(60, 1))


@pytest.fixture
def checkpoint(dataset):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2),
        )  # fmt: skip
        network = split(layers, 2, 9, image=(1, 8, 8), head="light")
    network.sampler.fit(dataset.train.images)
    own = own_network(network, dataset)
    return Checkpoint(network.eval(), own.architecture, dataset.classes, {}, {"data": "two", "epochs": 1})
