import pytest

from phasekey.training.data.registry import load_dataset
from phasekey.training.errors import TrainingError


def test_a_name_and_a_path(image_folder):
    assert load_dataset("digits").name == "digits"
    assert load_dataset(str(image_folder())).name == "pets"


def test_the_size_reaches_the_reader(image_folder):
    assert load_dataset("digits", 20).image_shape == (1, 20, 20)
    assert load_dataset(str(image_folder()), 3).image_shape == (3, 3, 3)


def test_neither_name_nor_path_says_what_there_is():
    with pytest.raises(TrainingError, match="no data called 'digit': expected digits, cifar10:PATH, .* or the path"):
        load_dataset("digit")
