import numpy as np
import pytest

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.lazy import LazyImages
from phasekey.training.errors import TrainingError


def split(count=4, shape=(5, 7, 3)):
    return Split(np.zeros((count, *shape), np.uint8), np.arange(count, dtype=np.int64) % 2)


def test_the_shape_is_channels_height_width():
    assert ImageDataset("d", ("a", "b"), split(), split()).image_shape == (3, 5, 7)


def test_one_class_is_refused_by_name():
    with pytest.raises(TrainingError, match=r"'d': expected two classes or more, found 1 \(only\)"):
        ImageDataset("d", ("only",), split(), split())


def test_a_split_of_one_image_is_refused_by_name():
    with pytest.raises(TrainingError, match="two images or more in test/, found 1"):
        ImageDataset("d", ("a", "b"), split(), split(1))


def test_splits_of_two_sizes_are_refused_with_both():
    with pytest.raises(TrainingError, match="7×5 RGB but test images are 4×4 grey"):
        ImageDataset("d", ("a", "b"), split(), split(shape=(4, 4, 1)))


def test_labels_in_one_column_are_classes_and_in_several_attributes():
    assert ImageDataset("d", ("a", "b"), split(), split()).task == "classes"
    several = Split(np.zeros((4, 5, 7, 3), np.uint8), np.eye(4, 3, dtype=np.int64))
    assert ImageDataset("d", ("a", "b", "c"), several, several).task == "attributes"


@pytest.mark.parametrize("hidden", [False, True])
def test_labels_of_another_number_than_images_are_refused(hidden):
    images, labels = np.zeros((4, 5, 7, 3), np.uint8), np.arange(4, dtype=np.int64) % 2
    odd = Split(images, labels, labels[:3]) if hidden else Split(images[:3], labels)
    with pytest.raises(TrainingError, match=r"in train/ 4 labels.* 3"):
        ImageDataset("d", ("a", "b"), odd, split())


def test_attributes_without_names_are_refused():
    several = Split(np.zeros((4, 5, 7, 3), np.uint8), np.eye(4, 3, dtype=np.int64))
    with pytest.raises(TrainingError, match="2 names for 3 attributes"):
        ImageDataset("d", ("a", "b"), several, several)


@pytest.mark.parametrize("lazy", [False, True])
def test_of_many_images_some_are_kept_from_all_over_a_sorted_set(lazy):
    """Labels go with their images, of hidden properties too; nothing is decoded that is not asked for."""
    pixels, asked = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((12, 5, 7, 3), np.uint8), []
    images = LazyImages(lambda row: (asked.append(row), pixels[row])[1], pixels.shape) if lazy else pixels
    whole = Split(images, np.repeat([0, 1], 6), np.arange(12))
    some = ImageDataset("d", ("a", "b"), whole, split(3), hidden_classes=tuple("abcdefghijkl")).at_most(4)
    assert asked == []
    assert len(some.train) == 4
    assert len(some.test) == 3
    assert some.train.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(some.train.images[np.arange(4)], pixels[some.train.hidden])
    assert ImageDataset("d", ("a", "b"), whole, split()).at_most(None).train is whole
