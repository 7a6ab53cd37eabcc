import pytest

from phasekey.training.data.recognise import recognise

KINDS = {
    "cifar-10-python": "cifar10",
    "cifar-10-binary": "cifar10",
    "cifar-100-python": "cifar100",
    "cifar-100-binary": "cifar100",
}


@pytest.mark.parametrize(("kind", "word"), KINDS.items())
def test_cifar_is_known_as_folder_and_as_archive(cifar, packed, kind, word):
    folder = cifar(kind)
    assert recognise(packed(folder, "whatever.tar.gz")) == word
    assert recognise(folder.rename(folder.with_name("whatever"))) == word


def test_a_folder_around_an_unpacked_one_is_known(cifar):
    assert recognise(cifar("cifar-10-python").parent) == "cifar10"


def test_birds_and_faces_are_known(cub200, packed, celeba):
    assert recognise(cub200) == "cub200"
    assert recognise(packed(cub200, "birds.tgz")) == "cub200"
    assert recognise(celeba) == "celeba"


def test_anything_else_is_not(image_folder, packed, tmp_path):
    folder = image_folder()
    assert recognise(folder) is None
    assert recognise(packed(folder, "pets.tar.gz")) is None
    (tmp_path / "notes.txt").write_text("no archive")
    assert recognise(tmp_path / "notes.txt") is None
