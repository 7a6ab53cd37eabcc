"""A network of one's own goes through the one door: trained, saved, resumed and rebuilt as ours are."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.audit.subject.subject import open_checkpoint
from phasekey.model.hiding.secrets import rotations
from phasekey.model.split import split
from phasekey.training import fit
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.dataset import Split
from phasekey.training.errors import TrainingError
from phasekey.training.loop.step import Learner
from phasekey.training.loop.train import STATE_FILE

SETTINGS = {"epochs": 2, "batch_size": 16, "warmup": 0, "device": "cpu", "progress": False, "save_every": 0}


class KilledError(BaseException):
    """Like a kill, nothing that the code could catch as an error."""


def own(**options):
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(4, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(5)),
        *(nn.Flatten(), nn.Linear(8, 10)),
    )
    return split(model, 2, 6, image=(1, 32, 32), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"pixel_mean": 0.1307, "pixel_std": (0.3081,)},
        {"head": "deep-bottleneck", "width": 6, "decoy": "gaussian"},
        {"form": "noisy", "gamma": 0.5},
    ],
)
def test_what_was_fitted_comes_back_from_its_checkpoint(few_digits, tmp_path, options):
    network = own(**options)
    path = fit(network, few_digits, out=tmp_path, defence="hardened", **SETTINGS)
    checkpoint = load_checkpoint(path)
    images = torch.rand(5, 1, 32, 32)
    secret, decoys = rotations(torch.rand(5)), torch.rand(5, 1, *network.feature_shape)
    torch.manual_seed(1)
    expected = network(images, secret, decoys)
    torch.manual_seed(1)  # for the noisy form
    torch.testing.assert_close(checkpoint.network(images, secret, decoys), expected)
    assert checkpoint.network.architecture == network.architecture
    assert checkpoint.network.sampler.fitted
    assert checkpoint.labels == few_digits.classes
    assert checkpoint.config["defence"] == "hardened"
    assert "data" not in checkpoint.config  # it came from memory: no words would find it again
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    subject = open_checkpoint(path)
    assert (subject.facts["network"], subject.data) == ("own", None)
    assert subject.device.encode(few_digits.test.images).shape == (24, *network.feature_shape)


def test_the_defence_trains(few_digits, tmp_path):
    fit(own(), few_digits, out=tmp_path, defence="paper", **SETTINGS)
    assert json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["defence"]


def test_words_for_the_data_are_kept(tmp_path):
    figures = []
    path = fit(own(), "digits", out=tmp_path, on_epoch=figures.append, **{**SETTINGS, "epochs": 1})
    assert load_checkpoint(path).config["data"] == "digits"
    assert figures[0].test_accuracy_plain > 0.2  # chance is 0.1


def test_a_run_that_was_cut_off_ends_in_the_same_weights(few_digits, tmp_path, monkeypatch, one_thread):
    fit(own(), few_digits, out=tmp_path / "uncut", **SETTINGS)
    before, done = Learner.step, 0

    def step(learner, images, labels):
        nonlocal done
        done += 1
        if done == 5:
            raise KilledError
        return before(learner, images, labels)

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(KilledError):
        fit(own(), few_digits, out=tmp_path / "cut", **SETTINGS)
    assert (tmp_path / "cut" / STATE_FILE).exists()
    with pytest.raises(TrainingError, match=r"unfinished run of other settings .*layers was 'sha256"):
        fit(own(pixel_mean=0.0), few_digits, out=tmp_path / "cut", **SETTINGS)
    network = own()
    fit(network, few_digits, out=tmp_path / "cut", **SETTINGS)
    assert (tmp_path / "cut/model.pt").read_bytes() == (tmp_path / "uncut/model.pt").read_bytes()
    assert not network.training


def colours(dataset):
    return replace(
        dataset,
        train=Split(np.repeat(dataset.train.images, 3, axis=3), dataset.train.labels),
        test=Split(np.repeat(dataset.test.images, 3, axis=3), dataset.test.labels),
    )


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (colours, {}, r"takes images .*\(1, 32, 32\), but data 'few' has \(3, 32, 32\)"),
        (lambda d: replace(d, classes=(*d.classes, "ten")), {}, "tells classes 10, but data 'few' has 11"),
        (None, {"epoch": 3}, "no setting 'epoch'; it takes draws, consistency, defence"),
        (None, {"split": "early"}, "no setting 'split'"),
        (None, {"head": "paper"}, "fit takes no head: the network has its own"),
        (None, {"epochs": 0}, "--epochs takes a whole number of at least 1"),
    ],
)
def test_what_cannot_be_fitted_is_named(few_digits, tmp_path, change, settings, message):
    dataset = change(few_digits) if change else few_digits
    with pytest.raises(TrainingError, match=message):
        fit(own(), dataset, out=tmp_path, **{**SETTINGS, **settings})


def test_a_network_that_no_checkpoint_could_rebuild_is_refused_before_it_is_trained(few_digits, tmp_path):
    network = own()
    network.decoder[1] = nn.Linear(8, 10, bias=False)
    with pytest.raises(TrainingError, match=r"changed after it was built \(decoder\.1\.bias"):
        fit(network, few_digits, out=tmp_path / "out", **SETTINGS)
    with pytest.raises(TrainingError, match="takes a SplitNetwork, but got a Linear"):
        fit(nn.Linear(1, 1), few_digits, out=tmp_path / "out", **SETTINGS)
    assert not (tmp_path / "out").exists()
