"""What goes into a round's mean, against numpy by hand; what does not is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasekey.federated.errors import UpdateError
from phasekey.federated.updates import Update, add, check, clip, mean, norm

LIKE = [np.zeros((2, 3), np.float32), np.zeros(4, np.float32)]


def filled(value):
    return [np.full_like(part, value) for part in LIKE]


@pytest.mark.parametrize(
    "change",
    [
        [filled(1.0)[0]],
        [np.ones((3, 2), np.float32), filled(1.0)[1]],
        filled(np.nan),
        [filled(1.0)[0], np.array([0, 0, np.inf, 0], np.float32)],
    ],
    ids=["too few", "turned", "nan", "infinite"],
)
def test_an_update_of_other_shapes_or_not_finite_is_refused(change):
    with pytest.raises(UpdateError):
        check(Update(change, 10), LIKE)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_an_update_of_no_weight_is_refused(weight):
    with pytest.raises(UpdateError):
        check(Update(filled(1.0), weight), LIKE)


def test_a_good_update_is_taken():
    check(Update(filled(1.0), 10), LIKE)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e3))
def test_clipping_bounds_the_length_and_keeps_the_direction(size, clip_norm):
    change = [np.arange(6, dtype=np.float32).reshape(2, 3) * np.float32(size), filled(-size)[1]]
    clipped = clip(change, clip_norm)
    flat, was = np.concatenate([c.ravel() for c in clipped]), np.concatenate([c.ravel() for c in change])
    assert norm(clipped) <= clip_norm * (1 + 1e-5)
    assert flat @ was == pytest.approx(np.linalg.norm(flat) * np.linalg.norm(was), rel=1e-4)
    if np.linalg.norm(was) <= clip_norm:
        assert clipped is change


def test_one_scaled_update_moves_a_clipped_mean_no_further_than_its_share():
    honest = [Update(filled(0.01), 10) for _ in range(7)]
    attacker = Update(clip(filled(1e6), 1.0), 1e9)
    moved = mean([*honest, attacker], max_examples=10)
    assert norm(moved) <= 1.0 / 8 + norm(filled(0.01))


def test_the_mean_is_weighed_by_images_up_to_the_heaviest():
    got = mean(
        [Update(filled(1.0), 10), Update(filled(5.0), 30), Update(filled(9.0), 10**6)], max_examples=60
    )
    np.testing.assert_allclose(got[0], (10 * 1 + 30 * 5 + 60 * 9) / 100, rtol=1e-6)
    np.testing.assert_allclose(add(filled(2.0), got)[1], 2 + 7.0, rtol=1e-6)
