"""One image under several encoders: the planes meet in the feature, as linear algebra says."""

import json

import numpy as np
import pytest
import torch

from phasekey.audit.across_exports import measure, nearest_to_all
from phasekey.audit.numerics.rotation import hide
from phasekey.cli import main
from phasekey.model import build_network
from phasekey.training.checkpoint import Checkpoint, save_checkpoint
from phasekey.training.data.published.digits import load_digits


class Drifting:
    """A device whose encoder is a linear map that has moved by so much."""

    def __init__(self, drift, seed):
        rng = np.random.default_rng(0)
        self.matrix = rng.normal(size=(64, 40)).astype(np.float32)
        self.matrix += drift * np.random.default_rng(seed).normal(size=(64, 40)).astype(np.float32)

    def encode(self, images):
        return (images.reshape(len(images), -1).astype(np.float32) - 127.5) @ self.matrix

    def decoys(self, count, rng):
        return rng.normal(scale=74, size=(count, 64)).astype(np.float32) @ self.matrix


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (60, 8, 8, 1)).astype(np.uint8)


def test_the_same_encoder_sends_the_same_and_tells_no_more(images):
    one, two, three = measure([Drifting(0, 0)] * 3, images)
    assert two.cosine == pytest.approx(one.cosine, abs=1e-5)
    assert three.cosine == pytest.approx(one.cosine, abs=1e-5)


def test_encoders_that_moved_tell_more_with_every_export(images):
    found = measure([Drifting(0.05, seed) for seed in range(5)], images)
    assert found[1].cosine > found[0].cosine + 0.05
    assert found[4].cosine > 0.97
    for row in found:
        assert row.low <= row.cosine <= row.high


def test_two_planes_that_share_a_line_meet_in_it():
    """Against the null space of [one, -two], which is the same line by another way."""
    rng = np.random.default_rng(2)
    feature, *decoys = rng.normal(size=(3, 1, 30)).astype(np.float32)
    sent = [hide(feature, decoy, rng.uniform(0, 6, 1)) for decoy in decoys]
    planes = [np.stack([x[0, :30], x[0, 30:]], axis=1).astype(np.float64) for x in sent]
    null = np.linalg.svd(np.concatenate([planes[0], -planes[1]], axis=1))[2][-1]
    line = planes[0] @ null[:2]
    found = nearest_to_all(sent)[0]
    assert abs(found @ line) / np.linalg.norm(line) == pytest.approx(1, abs=1e-5)
    assert abs(found @ feature[0]) / np.linalg.norm(feature) == pytest.approx(1, abs=1e-5)


def test_the_command_writes_what_it_found(tmp_path, capsys):
    digits = load_digits()
    for number in range(2):
        torch.manual_seed(0)
        settings = {"arch": "lenet", "variant": None, "form": "complex", "classes": 10, "image": (1, 32, 32)}
        network = build_network(**settings)
        network.sampler.fit(digits.train.images[:100])
        with torch.no_grad():
            for value in network.encoder.parameters():
                value += 0.01 * number * torch.randn_like(value)
        checkpoint = Checkpoint(network.eval(), settings, digits.classes, {"data": "digits"}, {})
        save_checkpoint(tmp_path / f"{number}.pt", checkpoint)
    files = [str(tmp_path / f"{number}.pt") for number in range(2)]
    assert main(["audit", "exports", *files, "--out", str(tmp_path / "report")]) == 0
    rows = json.loads((tmp_path / "report" / "exports.json").read_text())["shared"]
    assert [row["exports"] for row in rows] == [1, 2]
    assert rows[1]["cosine"] > rows[0]["cosine"]
    assert "linear algebra" in capsys.readouterr().out


def test_one_checkpoint_is_not_enough(capsys):
    assert main(["audit", "exports", "a.pt"]) == 2
    assert "two checkpoints or more" in capsys.readouterr().err
