import numpy as np
import pytest

from phasekey.training.data.dataset import ImageDataset, Split
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
