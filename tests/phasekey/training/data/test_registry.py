import pytest

from phasekey.training.data.registry import PUBLISHED, load_dataset
from phasekey.training.errors import TrainingError


def test_a_name_and_a_path(image_folder):
    assert load_dataset("digits").name == "digits"
    assert load_dataset(str(image_folder())).name == "pets"


def test_the_size_reaches_the_reader(image_folder):
    assert load_dataset("digits", 20).image_shape == (1, 20, 20)
    assert load_dataset(str(image_folder()), 3).image_shape == (3, 3, 3)


def test_neither_name_nor_path_says_what_there_is():
    with pytest.raises(
        TrainingError, match=r"no data called 'digit': expected digits, cifar10:PATH, .* or the path"
    ):
        load_dataset("digit")


@pytest.mark.parametrize(
    ("word", "kind", "classes"),
    [
        ("cifar10", "cifar-10-python", 10),
        ("cifar100", "cifar-100-binary", 100),
        ("cifar100-coarse", "cifar-100-python", 20),
    ],
)
def test_a_word_and_a_path(cifar, word, kind, classes):
    data = load_dataset(f"{word}:{cifar(kind)}")
    assert (data.name, len(data.classes)) == (word, classes)


def test_faces_and_birds_have_words(celeba, cub200):
    assert load_dataset(f"celeba:{celeba}", 8).image_shape == (3, 8, 8)
    assert load_dataset(f"cub200:{cub200}", 8).name == "cub200"
    assert load_dataset(f"cub200-boxes:{cub200}", 8).name == "cub200-boxes"


def test_a_published_archive_is_known_by_its_path_alone(cifar, packed, cub200, celeba):
    assert load_dataset(str(packed(cifar("cifar-10-binary"), "renamed.tar.gz"))).name == "cifar10"
    assert load_dataset(str(packed(cub200, "birds.tgz")), 8).name == "cub200"
    assert load_dataset(str(celeba), 8).name == "celeba"


@pytest.mark.parametrize("word", PUBLISHED)
def test_a_path_that_is_not_there_says_where_to_get_the_data(tmp_path, word):
    with pytest.raises(TrainingError, match=rf"nothing at '.*gone': expected --data {word}:PATH; .*https://"):
        load_dataset(f"{word}:{tmp_path / 'gone'}")
    with pytest.raises(TrainingError, match=rf"no path given: expected --data {word}:PATH"):
        load_dataset(f"{word}:")
