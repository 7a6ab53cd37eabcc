from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.subject.stage import FEWEST, Terms, build_stage, carried, within_memory
from phasekey.audit.subject.subject import open_bundle, open_checkpoint
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.registry import load_dataset

EFFORT = replace(EFFORTS["control"], train_images=150, validation_images=40, test_images=50)


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def subject(exported):
    return open_checkpoint(exported.checkpoint)


def test_the_scene_is_of_the_data_and_the_device(subject, data):
    stage = build_stage(subject, data, EFFORT, 0, Terms())
    scene = stage.scene
    assert (len(scene.train), len(scene.validation), len(scene.test)) == (150, 40, 50)
    np.testing.assert_allclose(scene.test.feature, subject.device.encode(scene.test.images), atol=1e-5)
    assert scene.property_names == data.classes
    assert scene.property_is_task
    np.testing.assert_array_equal(scene.test.property, scene.test.labels)
    assert stage.notes == ()


def test_attackers_are_scored_on_images_that_nobody_trained_or_chose_on(subject, data):
    scene = build_stage(subject, data, EFFORT, 0, Terms()).scene
    rows = [
        {image.tobytes() for image in split.images} for split in (scene.train, scene.validation, scene.test)
    ]
    assert not rows[2] & (rows[0] | rows[1])
    held_out = {image.tobytes() for image in data.test.images}
    assert rows[1] | rows[2] <= held_out


def test_the_same_seed_gives_the_same_scene_and_another_another(subject, data):
    first, again, other = (build_stage(subject, data, EFFORT, seed, Terms()).scene for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.test.theta, again.test.theta)
    np.testing.assert_allclose(first.test.x, again.test.x, atol=1e-5)
    assert not np.array_equal(first.test.theta, other.test.theta)


def test_a_hidden_property_takes_the_tasks_place(subject, data):
    def odd(split):
        return replace(split, hidden=split.labels % 2)

    hidden = ImageDataset(
        data.name, data.classes, odd(data.train), odd(data.test), hidden_classes=("even", "odd")
    )
    scene = build_stage(subject, hidden, EFFORT, 0, Terms()).scene
    np.testing.assert_array_equal(scene.test.property, scene.test.labels % 2)
    assert (scene.property_names, scene.property_is_task) == (("even", "odd"), False)


def test_of_several_attributes_the_first_is_looked_for_and_the_report_says_so(subject, data):
    def attributes(split):
        return replace(split, hidden=np.stack([split.labels % 2, split.labels // 5], axis=1))

    several = ImageDataset(
        data.name,
        data.classes,
        attributes(data.train),
        attributes(data.test),
        hidden_classes=("odd", "large"),
    )
    stage = build_stage(subject, several, EFFORT, 0, Terms())
    np.testing.assert_array_equal(stage.scene.test.property, stage.scene.test.labels % 2)
    assert stage.scene.property_names == ("not odd", "odd")
    assert stage.notes == ("of 2 hidden attributes, inference attacks looked for the first, odd",)


def test_data_that_does_not_fit_is_refused(subject, data):
    small = load_dataset("digits", 16)
    with pytest.raises(AuditError, match="32 × 32 × 1"):
        build_stage(subject, small, EFFORT, 0, Terms())
    with pytest.raises(AuditError, match="10 classes"):
        build_stage(subject, replace(data, classes=tuple("abcdefghij")), EFFORT, 0, Terms())


def test_x_is_what_the_wire_leaves_and_a_repeat_stays_a_repeat(exported, data):
    subject = open_bundle(exported.bundle)
    scene = build_stage(subject, data, EFFORT, 0, Terms()).scene
    assert subject.device.manifest.wire.dtype == "float16"
    for samples in (scene.train, scene.validation, scene.test, *scene.repeats.values()):
        np.testing.assert_array_equal(samples.x, samples.x.astype(np.float16))
    assert scene.repeats["exact"] is scene.test


def test_carrying_changes_x_alone(leaky):
    doubled = carried(leaky, lambda x: 2 * x)
    np.testing.assert_array_equal(doubled.test.x, 2 * leaky.test.x)
    assert doubled.test.feature is leaky.test.feature


@pytest.mark.parametrize("feature", [4 * 1176, 4 * 16384, 4 * 64 * 55 * 55])
def test_memory_stays_bounded(feature):
    effort, note = within_memory(EFFORTS["standard"], 3072, feature)
    each = 4 * feature + 3072
    used = (effort.train_images + effort.validation_images + 5 * effort.test_images) * each + 3000 * feature
    floor = 7 * FEWEST * each + 3000 * feature
    assert used <= max(2e9, floor)
    assert (note is None) == (effort == EFFORTS["standard"])
    if feature > 16384:
        assert f"{effort.train_images:,} training" in note
