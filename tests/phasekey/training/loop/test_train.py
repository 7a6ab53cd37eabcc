import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.errors import TrainingError
from phasekey.training.evaluate import evaluate
from phasekey.training.loop.run import Run
from phasekey.training.loop.step import Learner
from phasekey.training.loop.train import train


def test_an_epoch_leaves_a_checkpoint_and_its_metrics(few_digits, one_epoch):
    heard = []
    path = train(one_epoch, few_digits, on_epoch=heard.append)
    checkpoint = load_checkpoint(path)
    assert path == one_epoch.out / "model.pt"
    assert checkpoint.labels == few_digits.classes
    assert checkpoint.config == one_epoch.facts()
    assert checkpoint.facts["data"] == "few"
    (line,) = (one_epoch.out / "metrics.jsonl").read_text().splitlines()
    metrics = json.loads(line)
    assert metrics.keys() == {
        "epoch", "loss", "train_accuracy", "test_accuracy", "test_accuracy_plain", "seconds", "defence"
    }  # fmt: skip
    assert metrics["loss"] == heard[0].loss == checkpoint.facts["loss"]
    assert {p.name for p in one_epoch.out.iterdir()} == {"model.pt", "metrics.jsonl"}


def test_the_figures_written_are_those_of_the_saved_network(few_digits, one_epoch):
    checkpoint = load_checkpoint(train(one_epoch, few_digits))
    images, labels = (torch.from_numpy(a) for a in (few_digits.test.images, few_digits.test.labels))
    accuracy = evaluate(checkpoint.network, images, labels)
    assert accuracy.hidden == checkpoint.facts["test_accuracy"]
    assert accuracy.plain == checkpoint.facts["test_accuracy_plain"]


def test_fewer_images_can_be_asked_for_and_the_checkpoint_says_how_many(few_digits, one_epoch):
    checkpoint = load_checkpoint(train(replace(one_epoch, images=20), few_digits))
    assert checkpoint.facts["training_images"] == 20
    assert checkpoint.facts["test_images"] == min(20, len(few_digits.test))
    assert checkpoint.config["images"] == 20


def test_training_learns(few_digits, one_epoch):
    """Thirty passes over 48 digits: what was guessing before is known by heart afterwards."""
    heard = []
    config = replace(one_epoch, epochs=30, lr=5e-3, augment="none", defence="none")
    train(config, few_digits, on_epoch=heard.append)
    assert heard[0].train_accuracy < 0.5
    assert heard[-1].train_accuracy > 0.9
    assert heard[-1].test_accuracy > 0.4
    assert len((config.out / "metrics.jsonl").read_text().splitlines()) == 30


def test_one_seed_gives_one_file_and_another_seed_another(few_digits, one_epoch, one_thread, tmp_path):
    def content(folder, seed):
        torch.manual_seed(len(folder))  # the caller's own random state must not matter
        return train(replace(one_epoch, out=tmp_path / folder, seed=seed), few_digits).read_bytes()

    first = content("a", 1)
    assert first == content("bb", 1)
    assert first != content("ccc", 2)


def test_the_callers_random_state_is_left_alone(few_digits, one_epoch):
    state = torch.random.get_rng_state()
    train(one_epoch, few_digits)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_sampler_is_fitted_on_the_training_images(few_digits, one_epoch):
    sampler = load_checkpoint(train(one_epoch, few_digits)).network.sampler
    drawn = sampler(torch.zeros(1, sampler.noise_size))[0].permute(1, 2, 0)
    expected = few_digits.train.images.mean(axis=0, dtype=np.float64) / 255
    np.testing.assert_allclose(drawn, expected, atol=1e-5)


@pytest.mark.parametrize("form", ["original", "additional", "noisy"])
def test_the_baselines_train_too(few_digits, one_epoch, form):
    assert load_checkpoint(train(replace(one_epoch, form=form, gamma=0.2), few_digits)).network.form == form


@pytest.mark.parametrize("count", [2, 15, 17])
def test_any_number_of_images_from_two_trains(few_digits, one_epoch, count):
    few = replace(
        few_digits.train, images=few_digits.train.images[:count], labels=few_digits.train.labels[:count]
    )
    assert train(one_epoch, replace(few_digits, train=few)).exists()


def break_weights_in(monkeypatch, epoch):
    """From this epoch on, every step leaves a weight that is no number."""
    before = Run.epoch

    def broken(run, after_step):
        if run.number == epoch:
            with torch.no_grad():
                run.network.decoder[-1].bias[0] = float("nan")
        return before(run, after_step)

    monkeypatch.setattr(Run, "epoch", broken)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(few_digits, one_epoch, monkeypatch):
    break_weights_in(monkeypatch, epoch=2)
    with pytest.raises(TrainingError, match=r"diverged in epoch 2.*is that of epoch 1.*--lr"):
        train(replace(one_epoch, epochs=3), few_digits)
    checkpoint = load_checkpoint(one_epoch.out / "model.pt")
    assert checkpoint.facts["epochs"] == 1
    assert all(torch.isfinite(value).all() for value in checkpoint.network.state_dict().values())
    assert len((one_epoch.out / "metrics.jsonl").read_text().splitlines()) == 1


def test_a_learning_rate_far_too_large_says_so_before_anything_is_saved(few_digits, one_epoch):
    config = replace(one_epoch, optimiser="sgd", lr=100.0, epochs=5)
    with pytest.raises(TrainingError, match=r"diverged in epoch 1.*this run saved nothing.*it was 100"):
        train(config, few_digits)
    assert not list(one_epoch.out.iterdir())


def test_weights_broken_by_the_last_step_alone_are_never_saved(few_digits, one_epoch, monkeypatch):
    before = Learner.step

    def broken(learner, images, labels):
        result = before(learner, images, labels)
        with torch.no_grad():
            learner.network.decoder[-1].bias[0] = float("inf")
        return result

    monkeypatch.setattr(Learner, "step", broken)
    with pytest.raises(TrainingError, match="not finite"):
        train(replace(one_epoch, batch_size=48), few_digits)
    assert not (one_epoch.out / "model.pt").exists()


def test_an_output_folder_that_cannot_be_is_refused(few_digits, one_epoch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot write to --out"):
        train(replace(one_epoch, out=tmp_path / "file"), few_digits)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the error says it lacks")
def test_asking_for_a_device_that_is_not_there_is_an_error(few_digits, one_epoch):
    with pytest.raises(TrainingError, match="--device cuda"):
        train(replace(one_epoch, device="cuda"), few_digits)
