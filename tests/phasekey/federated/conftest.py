"""A small network with norms after the encoder, and images of two classes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.model.split import split
from phasekey.training.checkpoint import Checkpoint, save_checkpoint
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.own import own_network
from tests.phasekey.federated.capture import WHERE
from tests.phasekey.federated.started import Running, halves, write_images

ROOT = Path(__file__).resolve().parents[3]


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


@pytest.fixture
def watched(tmp_path):
    """An environment in which every Python process tells where it connects; and what they told."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(WHERE)
    log = tmp_path / "connections"
    path = os.pathsep.join([str(tmp_path / "hook"), str(ROOT)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLWR_")}
    return {**kept, "PYTHONPATH": path, "CONNECTIONS": str(log), "HOME": str(tmp_path)}, log


@pytest.fixture
def fleet(checkpoint, dataset, tmp_path, watched):
    """Two devices' folders, and a server's public one."""
    env, log = watched
    save_checkpoint(tmp_path / "start.pt", checkpoint)
    for name, images in (("train", next(halves(dataset.test))), ("test", dataset.test)):
        write_images(tmp_path / "public" / name, images, dataset.classes)
    parts = list(halves(dataset.train))
    for number, part in enumerate(parts):
        write_images(tmp_path / f"device{number}", part, dataset.classes)

    def server(port, *more, rounds, aggregate="plain"):
        options = ["server", "--ckpt", "start.pt", "--data", "public", "--rounds", rounds, "--clients", 2]
        options += ["--listen", f"127.0.0.1:{port}", "--out", "fed", "--aggregate", aggregate, "--lr", 0.05]
        return Running([*options, *more], env, tmp_path / "server.log")

    def device(number, port, *more, name=None):
        options = ["device", "--data", f"device{number}", "--superlink", f"127.0.0.1:{port}"]
        name = name or f"device{number}"
        options += ["--aggregate", "plain", "--state", f"state of {name}"]
        return Running([*options, *more], env, tmp_path / f"{name}.log")

    return server, device, parts, log
