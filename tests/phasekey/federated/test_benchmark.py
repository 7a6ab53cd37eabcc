"""The benchmark behind the first table of docs/federated.md, on images of two classes."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from benchmarks.federated import DRAWS, Setting, accuracy, in_one_place, together
from phasekey.federated.settings import Terms
from phasekey.federated.simulation import gather
from phasekey.training import evaluate
from phasekey.training.checkpoint import save_checkpoint


def test_an_accuracy_is_the_mean_of_ten_of_those_that_a_round_is_scored_by(checkpoint, dataset, monkeypatch):
    images, labels = torch.from_numpy(dataset.test.images), torch.from_numpy(dataset.test.labels)
    each = []
    for draw in range(DRAWS):
        monkeypatch.setattr(evaluate, "EVALUATION_SEED", draw)
        each.append(evaluate.evaluate(checkpoint.network, images, labels).hidden)
    assert accuracy(checkpoint.network, dataset.test) == pytest.approx(np.mean(each))


@pytest.fixture
def setting(checkpoint, dataset, tmp_path):
    save_checkpoint(tmp_path / "start.pt", checkpoint)
    return Setting(tmp_path / "start.pt", gather(dataset, 4, "iid", 0), Terms(lr=0.05), 2)


def test_all_images_in_one_place_teach_the_network(setting, checkpoint, dataset):
    assert in_one_place(setting, 0) > accuracy(checkpoint.network, dataset.test) + 0.2


@pytest.mark.skipif(find_spec("flwr") is None, reason="Flower is in an environment of its own")
def test_devices_together_come_to_what_one_place_comes_to(setting, tmp_path):
    assert together(setting, "secagg", tmp_path / "out") == pytest.approx(in_one_place(setting, 0), abs=0.1)
