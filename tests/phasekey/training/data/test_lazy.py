import threading

import numpy as np
import pytest

from phasekey.training.data.lazy import LazyImages, settle
from phasekey.training.errors import TrainingError

PIXELS = np.random.default_rng(0).integers(0, 256, (600, 4, 5, 3), np.uint8)


@pytest.fixture
def lazy():
    return LazyImages(lambda row: PIXELS[row], PIXELS.shape)


@pytest.mark.parametrize(
    "rows",
    [0, -1, np.array([5, 5, 2]), np.array([], np.int64), [1, 0], slice(None, None, 97), np.array([[1], [2]])],
)
def test_rows_are_those_of_the_array(lazy, rows):
    found = lazy[rows]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, PIXELS[rows])


def test_what_is_not_asked_for_is_not_decoded():
    asked = []
    lazy = LazyImages(lambda row: (asked.append(row), PIXELS[row])[1], PIXELS.shape)
    assert (len(lazy), lazy.shape, lazy.nbytes) == (600, PIXELS.shape, PIXELS.nbytes)
    lazy[np.array([7, 3])]
    assert sorted(asked) == [3, 7]


def test_a_row_too_far_is_an_error_as_in_an_array(lazy):
    with pytest.raises(IndexError):
        lazy[np.array([600])]


def test_a_grey_image_is_repeated_over_the_channels():
    lazy = LazyImages(lambda row: PIXELS[row, ..., :1], PIXELS.shape)
    np.testing.assert_array_equal(lazy[[3]][0], np.repeat(PIXELS[3, ..., :1], 3, axis=-1))


def test_what_a_decoder_raises_arrives():
    def broken(row):
        raise TrainingError(f"cannot read image {row}")

    with pytest.raises(TrainingError, match="cannot read image 2"):
        LazyImages(broken, PIXELS.shape)[[2]]


def test_images_that_fit_come_into_memory_and_others_stay(lazy):
    settled = settle(lazy, "few", most=PIXELS.nbytes)
    assert isinstance(settled, np.ndarray)
    np.testing.assert_array_equal(settled, PIXELS)
    assert settle(lazy, "many", most=PIXELS.nbytes - 1) is lazy


def test_several_threads_may_ask(lazy):
    wrong = []

    def ask(seed):
        rows = np.random.default_rng(seed).integers(0, 600, 50)
        if not np.array_equal(lazy[rows], PIXELS[rows]):
            wrong.append(seed)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
