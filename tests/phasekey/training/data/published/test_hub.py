import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from phasekey.training.data.published.hub import load_hub
from phasekey.training.errors import TrainingError

needs_library = pytest.mark.skipif(
    find_spec("datasets") is None, reason="the library datasets isn't installed"
)
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 3), np.uint8)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Save a DatasetDict of tiny images and classes; nothing may go over the network."""
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")

    def save(splits=("train", "test"), columns=("label",), values=(0, 1, 2, 1, 0), pixels=PIXELS):
        features = datasets.Features(
            {
                "image": datasets.Image(),
                **{name: datasets.ClassLabel(names=["ant", "bee", "cat"]) for name in columns},
                "note": datasets.Value("string"),
            }
        )
        rows = {
            "image": [Image.fromarray(image) for image in pixels],
            **{
                name: [(value + shift) % 3 if value >= 0 else value for value in values]
                for shift, name in enumerate(columns)
            },
            "note": ["x"] * len(values),
        }
        parts = {word: datasets.Dataset.from_dict(rows, features) for word in splits}
        datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
        return str(tmp_path / "saved")

    return save


@needs_library
def test_a_saved_data_set_keeps_images_and_classes(saved):
    data = load_hub(saved())
    assert data.classes == ("ant", "bee", "cat")
    assert data.train.labels.tolist() == [0, 1, 2, 1, 0]
    np.testing.assert_array_equal(data.test.images, PIXELS)
    assert (data.image_shape, data.augment) == ((3, 6, 6), "crop-flip")


@needs_library
def test_a_size_and_grey_images(saved):
    data = load_hub(saved(pixels=PIXELS[..., 0]), 4)
    assert (data.image_shape, data.augment) == ((1, 4, 4), "shift")


@needs_library
def test_files_in_a_folder_load_by_the_library_too(image_folder, monkeypatch):
    """What `load_dataset` makes of a local folder of images goes the same way as a name on the hub."""
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    data = load_hub(str(image_folder()))
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]


@needs_library
def test_without_a_test_split_validation_is_tested_on(saved):
    assert len(load_hub(saved(splits=("train", "validation"))).test) == 5


@needs_library
def test_a_missing_split_is_named(saved):
    with pytest.raises(
        TrainingError, match="has the splits train: expected train and one of test, validation"
    ):
        load_hub(saved(splits=("train",)))


@needs_library
def test_a_column_of_classes_can_be_chosen(saved):
    place = saved(columns=("fine", "coarse"))
    data = load_hub(f"{place}#coarse")
    assert data.train.labels.tolist() == [1, 2, 0, 2, 1]
    assert data.name == f"{place}-coarse"
    with pytest.raises(TrainingError, match=r"ClassLabel .* are fine, coarse; expected one.*#COLUMN"):
        load_hub(place)
    with pytest.raises(TrainingError, match="expected middle"):
        load_hub(f"{place}#middle")


@needs_library
def test_labels_that_are_not_published_are_named(saved):
    with pytest.raises(TrainingError, match=r"train of .* has rows without a label"):
        load_hub(saved(values=(0, -1, 1, 1, 0)))


@needs_library
def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    with pytest.raises(TrainingError, match=r"cannot load '.*nowhere' from the hub or the disk.*OWNER/NAME"):
        load_hub(str(tmp_path / "nowhere"))


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TrainingError, match=r"pip install 'phasekey\[hub\]'"):
        load_hub("owner/name")


def test_a_version_that_runs_an_authors_code_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", type("Old", (), {"__version__": "3.6.0"}))
    with pytest.raises(TrainingError, match=r"of version 3\.6\.0, .* expected 4 or later"):
        load_hub("owner/name")
