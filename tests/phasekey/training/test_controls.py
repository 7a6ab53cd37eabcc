"""Controls without a cloud: the linear read-out finds what is there, and comparisons are image by image."""

import json
import re
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from phasekey.cli import main
from phasekey.model import build_network
from phasekey.model.counting import count_operations, count_work
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls import (
    ReadOut,
    added_by_cloud,
    answers,
    compare,
    compare_checkpoint,
    encode,
    linear_read_out,
    stability,
)
from phasekey.training.controls.family import DEPTHS, PlainNetwork, widest
from phasekey.training.controls.kept import Kept
from phasekey.training.controls.own_network import largest_trained, own_network
from phasekey.training.controls.own_training import Lessons
from phasekey.training.data.dataset import Split
from phasekey.training.errors import TrainingError


class Pixels(nn.Module):
    """An encoder that hands the images through, small."""

    def forward(self, images):
        return nn.functional.avg_pool2d(images, 4).flatten(1)


def bounded(**options):
    torch.manual_seed(0)
    settings = {
        "head": "norm-bottleneck", "width": 64, "decoy": "gaussian", "secret": "orthogonal", "components": 3,
        **options,
    }  # fmt: skip
    return build_network("lenet", classes=10, image=(1, 32, 32), **settings).eval()


@pytest.fixture
def pixels():
    network = bounded()
    network.encoder = Pixels()
    return network


def test_the_read_out_of_pixels_is_the_regression_on_pixels(pixels, digits):
    read_out = linear_read_out(pixels, digits.train, digits.test, augment=False)
    assert read_out.error.mean < 0.08  # the digits are 8 × 8, so all of them are in the feature
    assert read_out.error.low < read_out.error.mean < read_out.error.high
    train, test = (
        images.reshape(-1, 8, 4, 8, 4).mean((2, 4)).reshape(-1, 64) / 255
        for images in (digits.train.images, digits.test.images)
    )
    other = LogisticRegression(max_iter=1000).fit(train, digits.train.labels)
    right = (other.predict(test) == digits.test.labels).mean()
    assert read_out.correct.mean() == pytest.approx(right, abs=0.03)


def test_features_are_the_encoders_at_inference_and_mirror_images_are_mirrored(digits):
    network, images = bounded(), digits.test.images[:7]
    flipped = np.ascontiguousarray(images[:, :, ::-1])
    assert encode(network, images).shape == (7, 64)
    np.testing.assert_allclose(encode(network, images, mirrored=True), encode(network, flipped), atol=1e-6)
    np.testing.assert_allclose(encode(network, images), encode(network.train(), images), atol=1e-6)


def test_attributes_are_read_out_one_by_one(pixels, digits):
    """The label's bits, and one attribute that never changes."""
    split = [
        Split(s.images, np.stack([s.labels // 2**bit % 2 for bit in range(3)] + [0 * s.labels], axis=1))
        for s in (digits.train, digits.test)
    ]
    read_out = linear_read_out(pixels, *split, augment=False)
    assert set(np.unique(read_out.correct)) <= {0, 0.25, 0.5, 0.75, 1}
    assert read_out.error.mean < 0.2


def test_what_the_cloud_adds_is_paired(digits):
    network, test = bounded(), digits.test
    with torch.no_grad():
        network.decoder[-1].weight.zero_()
        network.decoder[-1].bias.copy_(torch.eye(10)[3])
    threes = (test.labels == 3).astype(np.float32)
    same = added_by_cloud(network, test, ReadOut(threes))
    assert same == (0, 0, 0)
    worse = added_by_cloud(network, test, ReadOut(np.ones(len(test.labels), np.float32)))
    assert worse.mean == pytest.approx(threes.mean() - 1)
    assert worse.high < 0


def test_an_answer_that_ignores_the_decoys_is_stable_and_others_are_counted(digits):
    network, few = bounded(components=4, sigma=3.0), Split(digits.test.images[:60], digits.test.labels[:60])
    moved = stability(network, few, 6)
    assert len(set(moved.accuracies)) > 1 or moved.changing > 0
    assert 0 < moved.changing <= 1
    assert stability(network, few, 6) == moved
    plain = build_network("lenet", classes=10, image=(1, 32, 32), form="original", secret="permutation")
    assert stability(plain, few, 3).changing == 0


def test_a_wide_feature_is_read_out_by_gradients_from_fewer_images(digits, monkeypatch):
    network = build_network(
        "resnet8",
        classes=10,
        image=(1, 32, 32),
        split="early",
        form="original",
        secret="permutation",
        components=4,
    )
    network.encoder = nn.Sequential(nn.AvgPool2d(1), nn.Flatten())  # pixels: 1,024 values
    network.feature_shape = (1, 32, 32)
    monkeypatch.setattr("phasekey.training.controls.read_out.WIDEST", 100)
    monkeypatch.setattr("phasekey.training.controls.read_out.MOST_VALUES", 1024 * 900)
    read_out = linear_read_out(network, digits.train, digits.test)
    assert 0.02 < read_out.error.mean < 0.2


@pytest.mark.parametrize("depth", DEPTHS)
def test_own_networks_do_no_more_than_the_budget_and_the_next_wider_would(depth):
    """Operations counted by hand: 2 · K · C · C' · H · W of each convolution, 2 · D · C of the last layer."""
    budget = 700_000
    network = widest((1, 32, 32), 10, depth, budget)

    def by_hand(width):
        total, before, side = 0, 1, 32
        for level in range(depth):
            after, side = width * 2**level, side // 2
            total += 2 * 9 * before * after * side * side
            before = after
        return total + 2 * before * 16 * 10

    width = network[0].out_channels
    assert by_hand(width) <= budget < by_hand(width + 1)
    assert widest((3, 32, 32), 10, depth, 1000) is None


def test_what_is_compared_is_counted_and_written(digits):
    """Of a network that was never trained, what the cloud adds is negative: a control does better."""
    network = build_network(
        "lenet",
        classes=10,
        image=(1, 32, 32),
        form="original",
        secret="permutation",
        components=4,
        split="early",
    )
    few = replace(digits, train=Split(digits.train.images[:600], digits.train.labels[:600]))
    found = compare(network.eval(), few, epochs=4, draws=2)
    assert found.own.operations <= found.device_operations == count_work(network).device
    assert found.own.error.mean < 0.5 < found.error.mean  # untrained, where the control is not
    assert found.added.high < 0
    control = max(found.own.correct.mean(), found.read_out.correct.mean())
    assert found.added.mean == pytest.approx(1 - found.error.mean - control, abs=1e-6)
    assert "**What the cloud adds: -" in found.page()
    assert found.facts()["changing"] == 0


def test_the_command_prints_and_writes(tmp_path, capsys):
    run = ["train", "--mode", "bounded", "--arch", "lenet", "--data", "digits", "--epochs", "1"]
    assert main([*run, "--out", str(tmp_path)]) == 0
    asked = ["controls", "--ckpt", str(tmp_path / "model.pt"), "--epochs", "1"]
    assert main([*asked, "--out", str(tmp_path / "controls.json")]) == 0
    printed = capsys.readouterr()
    assert "What the cloud adds" in printed.out
    assert re.search(r"3 networks of the device's operations: about \d+ (s|min)\n", printed.err)
    assert json.loads((tmp_path / "controls.json").read_text())["device_operations"] > 0


@pytest.mark.parametrize(
    ("asked", "suits", "mirror"),
    [("auto", "crop-flip", True), ("auto", "shift", False), ("flip", "shift", True), ("none", "flip", False)],
)
def test_controls_see_mirror_images_where_training_did(digits, monkeypatch, asked, suits, mirror):
    """What `auto` meant hangs on the data; a checkpoint keeps the word alone."""
    told = {}

    def compare(network, dataset, **options):
        told.update(options)

    monkeypatch.setattr("phasekey.training.controls.of_checkpoint.compare", compare)
    checkpoint = Checkpoint(bounded(), {}, digits.classes, {"augment": asked}, {})
    compare_checkpoint(checkpoint, replace(digits, augment=suits), epochs=3)
    assert told["mirror"] == mirror


def test_images_of_several_labels_are_refused(digits):
    labels = np.zeros((len(digits.train), 10), np.int64)
    train, test = Split(digits.train.images, labels), Split(digits.test.images, labels[: len(digits.test)])
    with pytest.raises(TrainingError, match="attributes"):
        compare_checkpoint(
            Checkpoint(bounded(), {}, digits.classes, {}, {}),
            replace(digits, train=train, test=test),
            epochs=1,
        )


def test_decoys_that_are_drawn_for_each_answer_are_counted():
    """Each takes a synthetic image, of 64 principal components, and a pass of the encoder."""
    image = (1, 32, 32)
    paper = build_network("lenet", classes=10, image=image)
    archive = build_network("lenet", classes=10, image=image, decoy="archive", secret="orthogonal")
    encoder = count_operations(paper.encoder, torch.zeros(1, *image))
    assert count_work(paper).device - count_work(archive).device == encoder + 2 * 64 * 1024
    assert count_work(paper).whole == count_work(archive).whole


def test_ten_secrets_are_drawn_once(digits, monkeypatch):
    """The error is that of the first of the draws that tell how far answers hang on the secret."""
    asked = []

    def counted(network, images, draws, *, progress):
        asked.append(draws)
        return answers(network, images, draws, progress=progress)

    monkeypatch.setattr("phasekey.training.controls.comparison.answers", counted)
    few = replace(digits, train=Split(digits.train.images[:300], digits.train.labels[:300]))
    found = compare(bounded(components=4, sigma=3.0), few, epochs=1, draws=3)
    assert asked == [3]
    assert found.error.mean == pytest.approx(1 - found.stability.accuracies[0])


def test_a_permutation_gives_no_image_two_labels(digits):
    """Through hiding, the plain network and revealing: the answer is that of the bare image."""
    torch.manual_seed(0)
    plain = build_network(
        "lenet", classes=10, image=(1, 32, 32), form="original", secret="permutation", components=4
    ).eval()
    few = Split(digits.test.images[:60], digits.test.labels[:60])
    found = stability(plain, few, 10)
    assert found.changing == 0
    assert len(set(found.accuracies)) == 1
    bare = plain(torch.from_numpy(few.images).permute(0, 3, 1, 2).float() / 255).argmax(1).numpy()
    assert set(found.accuracies) == {float((bare == few.labels).mean())}


def test_of_many_images_some_are_taken_all_over_the_set(digits):
    network = bounded(components=4, sigma=3.0)
    found = stability(network, digits.test, 3, most_images=50)
    rows = np.linspace(0, len(digits.test) - 1, 50).astype(int)
    some = Split(digits.test.images[rows], digits.test.labels[rows])
    assert found == stability(network, some, 3)
    facts = found.facts()
    assert (facts["secrets"], facts["images"]) == (3, 50)
    assert facts["lowest"] <= facts["mean"] <= facts["highest"]


def small(digits, count=400):
    return digits.train.at_most(count), digits.test.at_most(50)


class CutOffError(Exception):
    """Stands for whatever ends a process."""


def test_own_networks_go_on_where_they_were_cut_off_to_the_same_end(digits, tmp_path, monkeypatch):
    """Cut off in the middle of the second network's first epoch; then the first is not trained again."""
    train, test = small(digits)
    whole = own_network(300_000, train, test, 10, epochs=2)
    kept, trained, batches = Kept(tmp_path, {"epochs": 2}), [], Lessons.batches

    def cut(lessons, seed):
        trained.append(seed)
        for number, batch in enumerate(batches(lessons, seed)):
            if seed == 2000 and number == 1:
                raise CutOffError
            yield batch

    monkeypatch.setattr(Lessons, "batches", cut)
    with pytest.raises(CutOffError):
        own_network(300_000, train, test, 10, epochs=2, kept=kept)
    monkeypatch.setattr(Lessons, "batches", lambda self, seed: trained.append(seed) or batches(self, seed))
    resumed = own_network(300_000, train, test, 10, epochs=2, kept=kept)
    assert trained == [1000, 1001, 2000, 2000, 2001, 3000, 3001]
    assert resumed.description == whole.description
    assert np.abs(resumed.correct - whole.correct).mean() < 0.05  # the same but for rounding


def test_what_another_comparison_or_a_broken_disk_left_counts_for_nothing(tmp_path):
    mine, other = Kept(tmp_path, {"epochs": 2}), Kept(tmp_path, {"epochs": 3})
    mine.save("answers", {"array": torch.arange(3)})
    assert torch.equal(mine.load("answers")["array"], torch.arange(3))
    assert other.load("answers") is None
    (tmp_path / "read-out.pt").write_bytes(b"half of")
    assert mine.load("read-out") is None
    (tmp_path / "somebody's").touch()
    mine.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["somebody's"]


def test_a_comparison_that_was_cut_off_keeps_its_parts_until_it_is_done(digits, tmp_path, monkeypatch):
    few = replace(digits, train=digits.train.at_most(300), test=digits.test.at_most(40))
    checkpoint = Checkpoint(bounded(), {}, digits.classes, {"augment": "none"}, {})
    whole = compare_checkpoint(checkpoint, few, epochs=1, draws=2)
    with monkeypatch.context() as cut:
        cut.setattr("phasekey.training.controls.comparison.own_network", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compare_checkpoint(checkpoint, few, epochs=1, draws=2, work=tmp_path / "controls")
    assert sorted(path.stem for path in (tmp_path / "controls").iterdir()) == ["answers", "read-out"]
    monkeypatch.setattr("phasekey.training.controls.comparison.linear_read_out", None)
    monkeypatch.setattr("phasekey.training.controls.comparison.answers", None)
    again = compare_checkpoint(checkpoint, few, epochs=1, draws=2, work=tmp_path / "controls")
    assert again.stability == whole.stability
    np.testing.assert_array_equal(again.read_out.correct, whole.read_out.correct)
    assert not (tmp_path / "controls").exists()


def test_a_network_that_would_take_too_long_is_not_trained_and_the_page_says_so(digits, monkeypatch):
    """Three passes over 270 of 300 images, twice: so many operations for each image that a network does."""
    module = import_module("phasekey.training.controls.own_network")
    monkeypatch.setattr(module, "MOST_TRAINING", 3 * 2 * 270 * 50_000)
    assert largest_trained(300, 2) == 50_000
    few = replace(digits, train=digits.train.at_most(300), test=digits.test.at_most(40))
    found = compare(bounded(), few, epochs=2, draws=1)
    assert found.own.operations <= 50_000 < found.device_operations
    assert "more than 0.1 million operations were not trained" in found.page()


def test_weights_of_the_family_hang_on_the_depth_alone():
    torch.manual_seed(1)
    first = widest((1, 32, 32), 10, 2, 300_000)
    torch.manual_seed(2)
    assert isinstance(first, PlainNetwork)
    torch.testing.assert_close(first.state_dict(), widest((1, 32, 32), 10, 2, 300_000).state_dict())
