"""A network of one's own goes all the way: cut, trained by its owner, exported, served, predicted."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from export.pipeline import ExportOptions, export_network
from phasekey.demo.server import running_server
from phasekey.model.split import split
from phasekey.training.data.registry import load_dataset
from phasekey.training.evaluate import to_float
from sdk import EdgeClient


def test_an_own_network_predicts_through_the_wire(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(8, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(5)),
        *(nn.Flatten(), nn.Linear(16, 10)),
    )
    network = split(model, 2, 6, image=(1, 32, 32))
    data = load_dataset("digits", None)
    images, labels = torch.from_numpy(data.train.images[:]), torch.from_numpy(data.train.labels)
    network.sampler.fit(images)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(4):
        for rows in torch.randperm(len(labels)).split(64):
            loss = nn.functional.cross_entropy(network(to_float(images[rows])), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    manifest = export_network(network, data.classes, tmp_path / "own", ExportOptions(name="mine"))
    assert manifest.model_name.startswith("mine-")
    assert manifest.proof.verdict == "proved"
    assert "trained by other means" in (tmp_path / "own" / "model-card.md").read_text()
    held_out = data.test.images[:100]
    with (
        running_server(tmp_path / "own" / "cloud") as address,
        EdgeClient(tmp_path / "own" / "edge", address) as client,
    ):
        found = client.predict(held_out).labels
    assert np.mean([int(label) for label in found] == data.test.labels[:100]) > 0.6  # chance is 0.1
