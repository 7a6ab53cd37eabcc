"""A run that was cut off anywhere ends in the very weights of one that was not."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from phasekey import files
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.errors import TrainingError
from phasekey.training.loop.step import Learner
from phasekey.training.loop.train import STATE_FILE, train
from phasekey.training.settings.modes import PRESETS


class KilledError(BaseException):
    """Like a kill, nothing that the code could catch as an error."""


def same_result(one, other):
    return (one / "model.pt").read_bytes() == (other / "model.pt").read_bytes()


def figures(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.fixture
def config(one_epoch):
    """Three steps an epoch, two epochs, and the state saved after every step."""
    return replace(one_epoch, epochs=2, save_every=0)


@pytest.fixture
def uncut(config, few_digits, tmp_path, one_thread):
    train(replace(config, out=tmp_path / "uncut", save_every=1e9), few_digits)
    return tmp_path / "uncut"


# Written in this run: the state twice within each epoch, and model, metrics and state at the end of each.
@pytest.mark.parametrize("write", range(1, 11))
def test_killed_at_any_write_it_ends_in_the_same_bytes(config, few_digits, uncut, monkeypatch, write):
    left = write
    before = os.fsync

    def fsync(descriptor):
        nonlocal left
        left -= 1
        if left == 0:
            raise KilledError
        before(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(KilledError):
        train(config, few_digits)
    left = 0
    train(config, few_digits)
    assert same_result(config.out, uncut)
    assert figures(config.out) == figures(uncut)
    assert not (config.out / STATE_FILE).exists()


@pytest.mark.parametrize(
    ("defence", "head"),
    [("paper", "paper"), ("hardened", "paper"), ("hardened", "deep-bottleneck"), ("none", "paper")],
)
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_defence_and_optimiser_go_on_where_they_were(
    config, few_digits, monkeypatch, one_thread, tmp_path, defence, head, optimiser
):
    config = replace(config, defence=defence, head=head, optimiser=optimiser, lr=1e-3, epochs=1)
    train(replace(config, out=tmp_path / "uncut"), few_digits)
    stop_before_step(monkeypatch, 3)
    with pytest.raises(KilledError):
        train(config, few_digits)
    monkeypatch.undo()
    train(config, few_digits)
    assert same_result(config.out, tmp_path / "uncut")


@pytest.mark.parametrize("mode", ["bounded", "anonymous"])
def test_the_other_modes_go_on_where_they_were(config, few_digits, monkeypatch, one_thread, tmp_path, mode):
    config = replace(config, **{**PRESETS[mode], "components": 14}, epochs=1, draws=2)
    train(replace(config, out=tmp_path / "uncut"), few_digits)
    stop_before_step(monkeypatch, 3)
    with pytest.raises(KilledError):
        train(config, few_digits)
    monkeypatch.undo()
    train(config, few_digits)
    assert same_result(config.out, tmp_path / "uncut")
    network = load_checkpoint(config.out / "model.pt").network
    assert (network.secret, network.components, network.sigma) == (
        config.secret, config.components, config.sigma
    )  # fmt: skip


def stop_before_step(monkeypatch, number):
    before, done = Learner.step, 0

    def step(learner, images, labels):
        nonlocal done
        done += 1
        if done == number:
            raise KilledError
        return before(learner, images, labels)

    monkeypatch.setattr(Learner, "step", step)


@pytest.fixture
def cut(config, few_digits, monkeypatch, one_thread):
    """A folder with a run that was killed in its first epoch."""
    stop_before_step(monkeypatch, 3)
    with pytest.raises(KilledError):
        train(config, few_digits)
    monkeypatch.undo()
    return config


def test_other_settings_are_named_and_leave_the_run_alone(cut, few_digits):
    state = (cut.out / STATE_FILE).read_bytes()
    with pytest.raises(
        TrainingError, match=r"unfinished run of other settings \(lr was 0.002 and is 0.1\).*--fresh"
    ):
        train(replace(cut, lr=0.1), few_digits)
    assert (cut.out / STATE_FILE).read_bytes() == state


def test_other_images_are_refused(cut, few_digits):
    other = replace(few_digits, train=replace(few_digits.train, images=few_digits.train.images[::-1].copy()))
    with pytest.raises(TrainingError, match="training images was"):
        train(cut, other)


def test_fresh_drops_the_run(cut, few_digits):
    train(replace(cut, lr=0.1, epochs=1), few_digits, fresh=True)
    assert load_checkpoint(cut.out / "model.pt").config["lr"] == 0.1
    assert not (cut.out / STATE_FILE).exists()


def test_where_it_writes_and_how_often_may_change(cut, few_digits, uncut):
    train(replace(cut, save_every=60.0), few_digits)
    assert same_result(cut.out, uncut)


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04"])
def test_a_damaged_state_is_named_with_the_way_out(cut, few_digits, content):
    (cut.out / STATE_FILE).write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt.*--fresh"):
        train(cut, few_digits)


def test_a_state_of_another_version_is_refused(cut, few_digits):
    path = cut.out / STATE_FILE
    torch.save({**torch.load(path, weights_only=True), "format_version": 9}, path)
    with pytest.raises(TrainingError, match=r"state format 9, this version reads 1"):
        train(cut, few_digits)


def test_a_run_that_diverged_is_over(one_epoch, few_digits):
    config = replace(one_epoch, optimiser="sgd", lr=100.0, epochs=5, save_every=0)
    with pytest.raises(TrainingError, match="diverged"):
        train(config, few_digits)
    assert not list(config.out.iterdir())


def test_a_killed_command_goes_on_to_the_same_weights(tmp_path, digits, one_epoch, one_thread):
    """The real command, killed by SIGKILL twice within an epoch, at random."""
    random.seed(0)
    settings = {"epochs": 2, "batch_size": 128}
    train(replace(one_epoch, out=tmp_path / "uncut", warmup=0.5, **settings), digits)
    out = tmp_path / "killed"
    line = [sys.executable, "-m", "phasekey.cli", "train", "--data", "digits", "--device", "cpu"]
    line += ["--epochs", "2", "--batch-size", "128", "--save-every", "0", "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    for _ in range(2):
        process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL)
        wait_for_saves(process, out / STATE_FILE, random.randint(2, 7))
        process.kill()
        assert process.wait() == -9, "it ended before it was killed"
    assert not (out / "model.pt").exists() or load_checkpoint(out / "model.pt").facts["epochs"] < 2
    assert subprocess.run(line, env=environment, stdout=subprocess.DEVNULL).returncode == 0
    assert_same_content(out / "model.pt", tmp_path / "uncut" / "model.pt")


def assert_same_content(path, other):
    """Bit-equal weights and equal facts. Pickles of equal words can differ between processes in bytes."""
    found, expected = (torch.load(name, weights_only=True) for name in (path, other))
    weights, expected_weights = found.pop("state_dict"), expected.pop("state_dict")
    assert found == expected
    assert weights.keys() == expected_weights.keys()
    assert all(torch.equal(value, expected_weights[name]) for name, value in weights.items())


def wait_for_saves(process, path, count):
    """Until the state was saved `count` times more: 11 steps are an epoch of digits."""
    last = written(path)
    while count and process.poll() is None:
        now = written(path)
        count, last = count - (now != last), now
        time.sleep(0.001)


def written(path):
    return path.stat().st_mtime_ns if path.exists() else None
