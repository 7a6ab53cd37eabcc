"""A plain update shows its device's images; the sum of eight hardly more than what all have in common."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from phasekey.federated.inversion import invert, likeness
from phasekey.federated.local import local_update
from phasekey.federated.settings import Terms
from phasekey.federated.travelling import take
from phasekey.federated.updates import mean
from phasekey.model.split import split
from phasekey.training.data.dataset import Split

DEVICES, EACH = 8, 2


@pytest.fixture(scope="module")
def case():
    """A network, and what eight devices send that have a zero and a one each."""
    values, labels = load_digits(return_X_y=True)
    images = np.rint(values * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    pairs = zip(*(np.flatnonzero(labels == label)[:DEVICES] for label in (0, 1)), strict=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 2),
        )  # fmt: skip
        network = split(layers, 2, 9, image=(1, 8, 8), head="light")
        weights = take(network)
        held = [Split(images[list(rows)], np.array([0, 1])) for rows in pairs]
        updates = [local_update(network, weights, split, "none", Terms(), 0) for split in held]
    true = torch.from_numpy(held[0].images).permute(0, 3, 1, 2) / 255
    return network, weights, updates, true


def attacked(case, change):
    network, weights, _, true = case
    return likeness(invert(network, weights, change, torch.tensor([0, 1]), steps=200), true)


def test_images_come_back_from_a_plain_update_and_not_from_a_sum(case):
    updates = case[2]
    plain, together = attacked(case, updates[0].change), attacked(case, mean(updates, 1000))
    assert plain > 0.7
    assert together < plain - 0.2


def test_a_masked_vector_shows_nothing(case):
    """What one device sends in a secure sum: uniform numbers, without the others' masks."""
    generator = np.random.default_rng(0)
    masked = [generator.integers(0, 2**32, part.shape).astype(np.float32) - 2**31 for part in case[1]]
    assert attacked(case, masked) < 0.4
