import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from phasekey.training.data.folder import load_folder
from phasekey.training.errors import TrainingError


def pack(folder, path, prefix):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, prefix)
    return path


def test_a_folder_keeps_classes_labels_and_pixels(image_folder):
    root = image_folder()
    data = load_folder(root)
    assert (data.name, data.classes, data.image_shape) == ("pets", ("cat", "dog"), (3, 4, 6))
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test.labels.dtype == np.int64
    expected = np.asarray(Image.open(root / "test" / "dog" / "2.png"))
    np.testing.assert_array_equal(data.test.images[5], expected)


@pytest.mark.parametrize("prefix", ["pets", ".", "deep/er/pets"])
def test_an_archive_is_the_folder(image_folder, tmp_path, prefix):
    root = image_folder()
    folder, archive = load_folder(root), load_folder(pack(root, tmp_path / "pets.tar.gz", prefix))
    assert (folder.name, folder.classes) == (archive.name, archive.classes)
    for split in ("train", "test"):
        a, b = getattr(folder, split), getattr(archive, split)
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.labels, b.labels)


def test_a_folder_around_the_layout_is_a_prefix(image_folder, tmp_path):
    image_folder("outer/inner")
    assert load_folder(tmp_path / "outer").classes == ("cat", "dog")


@pytest.mark.parametrize("words", [("train", "test"), ("test", "train")])
def test_classes_may_be_called_like_the_splits(image_folder, words):
    assert load_folder(image_folder("train", classes=words)).classes == ("test", "train")


@pytest.mark.parametrize(("mode", "channels", "augment"), [("L", 1, "shift"), ("RGB", 3, "crop-flip")])
def test_grey_images_stay_grey_and_are_not_mirrored(image_folder, mode, channels, augment):
    data = load_folder(image_folder(mode=mode))
    assert data.image_shape == (channels, 4, 6)
    assert data.augment == augment


def test_a_grey_image_among_colours_becomes_rgb(image_folder):
    root = image_folder()
    grey = Image.open(root / "train/cat/0.png").convert("L")
    grey.save(root / "train/cat/0.png")
    data = load_folder(root)
    np.testing.assert_array_equal(data.train.images[0], np.stack([np.asarray(grey)] * 3, axis=-1))


def test_hidden_files_and_notes_are_passed_over(image_folder):
    root = image_folder()
    for name in ("train/cat/notes.txt", "train/cat/.hidden.png", "train/readme.md", "index.csv"):
        (root / name).write_text("no image")
    assert len(load_folder(root).train) == 6


def break_by(change):
    """Name the damage in the test's output."""
    return pytest.param(change, id=change.__name__)


def one_class(root):
    for split in ("train", "test"):
        shutil.rmtree(root / split / "dog")
    return "expected two classes or more, found 1.*cat"


def no_test(root):
    shutil.rmtree(root / "test")
    return "no images under test/"


def no_train(root):
    shutil.rmtree(root / "train")
    return "no images under train/"


def nothing(root):
    shutil.rmtree(root)
    root.mkdir()
    return r"no images in .*train/CLASS/IMAGE.*\.jpg"


def class_only_in_train(root):
    shutil.rmtree(root / "test" / "dog")
    return "'dog' only in train/"


def class_only_in_test(root):
    shutil.move(root / "train" / "dog", root / "train" / "wolf")
    return "'dog' only in test/, 'wolf' only in train/"


def broken_image(root):
    (root / "test/dog/1.png").write_bytes(b"\x89PNG and no more")
    return r"cannot read the image 'test/dog/1\.png'"


def mixed_sizes(root):
    Image.new("RGB", (9, 8)).save(root / "train/dog/1.png")
    return r"'train/dog/1\.png' is 9×8, most are 6×4; .*--image-size"


def two_sets(root):
    shutil.copytree(root / "train", root / "copy" / "train")
    return "more than one data set, in '.' and 'copy'"


@pytest.mark.parametrize(
    "damage",
    [
        break_by(change)
        for change in (
            one_class,
            no_test,
            no_train,
            nothing,
            class_only_in_train,
            class_only_in_test,
            broken_image,
            mixed_sizes,
            two_sets,
        )
    ],
)
def test_what_is_wrong_is_named(image_folder, tmp_path, damage):
    root = image_folder()
    message = damage(root)
    with pytest.raises(TrainingError, match=message):
        load_folder(root)
    with pytest.raises(TrainingError, match="pets"):
        load_folder(pack(root, tmp_path / "pets.tar.gz", "pets"))


def test_mixed_sizes_are_fine_with_a_size(image_folder):
    root = image_folder()
    Image.new("RGB", (9, 8)).save(root / "train/dog/1.png")
    assert load_folder(root, image_size=5).image_shape == (3, 5, 5)
