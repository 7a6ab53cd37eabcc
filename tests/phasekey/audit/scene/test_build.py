"""What attackers get is disjoint, and what is said of it is so."""

from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.rotation import hide, unrotate
from phasekey.audit.scene.build import CHANGES, NOISE, Labelled
from phasekey.audit.scene.controls import GaussianDevice, control_scene
from phasekey.audit.scene.scene import REPEATS, Floats, Samples, Scene

CONTROL = EFFORTS["control"]


def rows_of(samples: Samples) -> set[bytes]:
    return {image.tobytes() for image in samples.images}


def test_splits_are_disjoint_and_as_large_as_the_effort_says(leaky: Scene) -> None:
    sizes = [len(split) for split in (leaky.train, leaky.validation, leaky.test)]
    assert sizes == [CONTROL.train_images, CONTROL.validation_images, CONTROL.test_images]
    train, validation, test = (rows_of(split) for split in (leaky.train, leaky.validation, leaky.test))
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_attackers_train_on_known_images_and_are_scored_on_unseen_ones(
    leaky: Scene, digits: tuple[Labelled, Labelled]
) -> None:
    known, unseen = ({image.tobytes() for image in images.images} for images in digits)
    assert rows_of(leaky.train) <= known
    assert rows_of(leaky.validation) | rows_of(leaky.test) <= unseen


def test_rows_stay_together(leaky: Scene) -> None:
    for split in (leaky.train, leaky.validation, leaky.test):
        # A batch of another size may add up in another order: ten times float32's precision, of sums near 1.
        np.testing.assert_allclose(split.feature[:9], leaky.device.encode(split.images[:9]), atol=1e-6)
        np.testing.assert_allclose(split.x, hide(split.feature, split.decoy, split.theta), atol=1e-6)
        np.testing.assert_allclose(unrotate(split.x, split.theta), split.feature, atol=1e-4)
        np.testing.assert_array_equal(split.property, split.labels)


def test_angles_are_spread_over_the_whole_circle(leaky: Scene) -> None:
    counts, _ = np.histogram(leaky.train.theta, bins=8, range=(0, 2 * np.pi))
    assert counts.sum() == len(leaky.train)
    assert counts.min() > 100  # of 150; standard deviation 11


@pytest.mark.parametrize("scene_name", ["leaky", "leaky_fresh"])
def test_repeats_send_the_same_images_again(scene_name: str, request: pytest.FixtureRequest) -> None:
    scene: Scene = request.getfixturevalue(scene_name)
    assert tuple(scene.repeats) == REPEATS
    np.testing.assert_array_equal(scene.repeats["exact"].images, scene.test.images)
    for name in ("shifted", "noisy", "next-frame"):
        assert len(scene.repeats[name]) == len(scene.test)
        assert (scene.repeats[name].x != scene.test.x).any()


def test_derived_keys_send_an_exact_repeat_as_before_and_fresh_keys_do_not(
    leaky: Scene, leaky_fresh: Scene
) -> None:
    np.testing.assert_array_equal(leaky.repeats["exact"].x, leaky.test.x)
    again = leaky_fresh.repeats["exact"]
    np.testing.assert_allclose(again.feature, leaky_fresh.test.feature, atol=1e-6)
    assert (again.theta != leaky_fresh.test.theta).all()
    assert (again.x != leaky_fresh.test.x).any(axis=(1, 2, 3)).all()


def test_changes_are_what_their_names_say() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(60, 190, (5, 6, 7, 3), dtype=np.uint8)
    shifted = CHANGES["shifted"](images, rng)
    np.testing.assert_array_equal(shifted[:, :, 1:], images[:, :, :-1])
    np.testing.assert_array_equal(shifted[:, :, 0], images[:, :, 0])
    noise = CHANGES["noisy"](images, rng).astype(float) - images
    assert noise.std() == pytest.approx(NOISE, rel=0.2)
    frame = CHANGES["next-frame"](images, rng)
    assert frame.dtype == np.uint8
    assert frame.mean() > shifted.mean()
    assert CHANGES["exact"](images, rng) is images


def test_the_pool_holds_the_decoys_of_other_inputs(leaky_pool: Scene) -> None:
    pool = leaky_pool.pool
    np.testing.assert_array_equal(pool.candidates[pool.member], leaky_pool.test.decoy)
    np.testing.assert_array_equal(pool.candidates, leaky_pool.train.feature[: len(pool.candidates)])


def test_fresh_decoys_are_in_no_pool(gaussian: Scene) -> None:
    assert (gaussian.pool.member == -1).all()
    drawn = {decoy.tobytes() for decoy in gaussian.test.decoy}
    assert not drawn & {candidate.tobytes() for candidate in gaussian.pool.candidates}


class Plain(GaussianDevice):
    """Sends the feature itself, plus what a noisy form adds."""

    rotated = False

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:
        return feature + 0.5


def test_devices_that_do_not_rotate_have_nothing_of_a_rotation(digits: tuple[Labelled, Labelled]) -> None:
    scene = control_scene(Plain(), *digits, CONTROL, 0)
    assert not scene.rotated
    assert scene.repeats == {}
    assert scene.pool is None
    assert scene.test.theta is scene.test.decoy is None
    np.testing.assert_array_equal(scene.test.x, scene.test.feature + 0.5)


def test_half_of_few_unseen_images_are_left_for_the_score(digits: tuple[Labelled, Labelled]) -> None:
    known, unseen = digits
    scene = control_scene(GaussianDevice(), known, unseen.rows(np.arange(50)), CONTROL, 0)
    assert (len(scene.validation), len(scene.test)) == (25, 25)


def test_the_same_seed_builds_the_same_scene(digits: tuple[Labelled, Labelled]) -> None:
    known, unseen = (part.rows(np.arange(60)) for part in digits)
    small = replace(CONTROL, train_images=40, validation_images=10, test_images=20)
    one, same, other = (control_scene(GaussianDevice(), known, unseen, small, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.test.x, same.test.x)
    assert (one.test.x != other.test.x).any()
