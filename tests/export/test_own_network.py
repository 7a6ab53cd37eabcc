"""A network of one's own goes all the way: cut, fitted, exported, served, predicted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export.errors import ExportError
from export.pipeline import ExportOptions, export_checkpoint, export_network
from phasekey.model import SplitNetwork
from phasekey.model.split import split
from phasekey.served import running_server
from phasekey.training import fit
from phasekey.training.data.registry import load_dataset
from sdk import EdgeClient


@pytest.fixture
def network() -> SplitNetwork:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(8, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(5)),
        *(nn.Flatten(), nn.Linear(16, 10)),
    )
    return split(model, 2, 6, image=(1, 32, 32), pixel_mean=0.1, pixel_std=(0.3,))


def test_an_own_network_predicts_through_the_wire(network: SplitNetwork, tmp_path: Path) -> None:
    data = load_dataset("digits", None)
    path = fit(network, data, out=tmp_path / "run", epochs=4, lr=1e-2, progress=False)
    manifest = export_checkpoint(path, tmp_path / "own", ExportOptions(name="mine"))
    assert manifest.model_name.startswith("mine-")
    assert manifest.proof.verdict == "proved"
    assert "own, trained on digits for 4 epochs" in (tmp_path / "own" / "model-card.md").read_text()
    held_out = data.test.images[:100]
    with (
        running_server(tmp_path / "own" / "cloud") as address,
        EdgeClient(tmp_path / "own" / "edge", address) as client,
    ):
        found = client.predict(held_out).labels
    assert np.mean([int(label) for label in found] == data.test.labels[:100]) > 0.6  # chance is 0.1


def test_without_decoys_of_its_own_it_is_not_exported(network: SplitNetwork, tmp_path: Path) -> None:
    labels = [str(digit) for digit in range(10)]
    with pytest.raises(ExportError, match=r"decoys were never fitted.*network\.sampler\.fit\(images\)"):
        export_network(network, labels, tmp_path / "own")
    assert not (tmp_path / "own").exists()
    network.sampler.fit(load_dataset("digits", None).train.images)
    export_network(network, labels, tmp_path / "own")
    assert "trained by other means" in (tmp_path / "own" / "model-card.md").read_text()
