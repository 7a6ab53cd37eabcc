import numpy as np
from PIL import Image
from sklearn.datasets import load_digits as published

from phasekey.training.data.published.digits import enlarge, held_out, load_digits


def test_all_published_digits_are_there_once(digits):
    assert len(digits.train) + len(digits.test) == 1797
    assert digits.classes == tuple("0123456789")
    assert digits.image_shape == (1, 32, 32)
    assert digits.train.images.dtype == np.uint8
    counts = np.bincount(digits.train.labels) + np.bincount(digits.test.labels)
    np.testing.assert_array_equal(counts, np.bincount(published().target))


def test_a_fifth_of_every_class_is_held_out(digits):
    shares = np.bincount(digits.test.labels) / np.bincount(published().target)
    assert shares.min() > 0.19
    assert shares.max() <= 0.2


def test_the_split_is_every_fifth_of_its_class():
    labels = np.array([1, 0, 1, 1, 1, 0, 1, 0, 0, 0])
    assert np.flatnonzero(held_out(labels)).tolist() == [6, 9]


def test_enlarged_digits_shrink_back_to_the_published_pixels():
    values = published().images[:20]
    images = enlarge(np.rint(values * 255 / 16).astype(np.uint8), 32)
    back = [np.asarray(Image.fromarray(i[..., 0]).resize((8, 8), Image.Resampling.BOX)) for i in images]
    assert np.abs(np.stack(back) / 255 - values / 16).mean() < 0.05
    assert np.corrcoef(np.stack(back).ravel(), values.ravel())[0, 1] > 0.98


def test_another_size_is_as_asked():
    assert load_digits(16).image_shape == (1, 16, 16)
