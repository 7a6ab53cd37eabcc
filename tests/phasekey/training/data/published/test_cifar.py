import os
import pickle

import numpy as np
import pytest

from phasekey.training.data.published.cifar import load_cifar10, load_cifar100, load_cifar100_coarse
from phasekey.training.errors import TrainingError

TEN = [pytest.param(kind, id=kind) for kind in ("cifar-10-python", "cifar-10-binary")]
HUNDRED = [pytest.param(kind, id=kind) for kind in ("cifar-100-python", "cifar-100-binary")]


def pixel(rows, image, y, x):
    """The RGB of a pixel, by the published rule: 1024 values of red, then green, then blue, row by row."""
    return [rows[image][plane * 1024 + y * 32 + x] for plane in range(3)]


@pytest.mark.parametrize("archive", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("kind", TEN)
def test_cifar10_as_published(cifar, cifar_rows, packed, kind, archive):
    path = packed(cifar(kind), f"{kind}.tar.gz") if archive else cifar(kind)
    data = load_cifar10(path)
    assert (data.name, data.image_shape, data.task, data.augment) == (
        "cifar10",
        (3, 32, 32),
        "classes",
        "crop-flip",
    )
    assert data.classes[0] == "airplane"
    assert data.classes[-1] == "truck"
    assert len(data.classes) == 10
    assert data.train.labels.tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert data.test.labels.tolist() == [6, 7, 8]
    assert data.train.hidden is None
    assert data.train.images[3, 5, 30].tolist() == pixel(cifar_rows(2, 2), 1, 5, 30)
    assert data.test.images[2, 31, 0].tolist() == pixel(cifar_rows(6, 3), 2, 31, 0)


@pytest.mark.parametrize("kind", HUNDRED)
def test_cifar100_fine(cifar, cifar_rows, kind):
    data = load_cifar100(cifar(kind))
    assert (len(data.classes), data.classes[77]) == (100, "class_77")
    assert data.train.labels.tolist() == [77, 78]
    assert data.test.labels.tolist() == [84, 85, 86]
    assert data.train.hidden is None
    assert data.test.images[1, 2, 3].tolist() == pixel(cifar_rows(12, 3), 1, 2, 3)


@pytest.mark.parametrize("kind", HUNDRED)
def test_cifar100_coarse_hides_the_fine_classes(cifar, kind):
    data = load_cifar100_coarse(cifar(kind))
    assert (len(data.classes), data.classes[11]) == (20, "superclass_11")
    assert data.train.labels.tolist() == [11, 12]
    assert data.train.hidden.tolist() == [77, 78]
    assert data.test.hidden.tolist() == [84, 85, 86]
    assert (len(data.hidden_classes), data.hidden_classes[77]) == (100, "class_77")


def test_another_size_is_as_asked(cifar):
    assert load_cifar10(cifar("cifar-10-binary"), 8).image_shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("cifar-10-python", "data_batch_3"), ("cifar-10-python", "batches.meta"),
        ("cifar-10-binary", "test_batch.bin"), ("cifar-100-python", "test"),
        ("cifar-100-binary", "coarse_label_names.txt"),
    ],
)  # fmt: skip
def test_a_missing_file_says_where_to_get_it(cifar, kind, gone):
    folder = cifar(kind)
    (folder / gone).unlink()
    load = load_cifar10 if "-10-" in kind else load_cifar100
    with pytest.raises(
        TrainingError, match=rf"lacks {gone}: download {kind[:-7]}-python\.tar\.gz or .*cifar\.html"
    ):
        load(folder)


def test_the_other_data_set_is_not_this_one(cifar):
    with pytest.raises(TrainingError, match=r"lacks .*download cifar-10-python\.tar\.gz"):
        load_cifar10(cifar("cifar-100-python"))


def test_a_binary_file_cut_short_is_named(cifar):
    folder = cifar("cifar-10-binary")
    file = folder / "data_batch_4.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        TrainingError, match=r"'data_batch_4\.bin' is cut short: 6,145 bytes .* records of 3,073"
    ):
        load_cifar10(folder)


def test_a_binary_file_cut_between_records_is_named(cifar):
    folder = cifar("cifar-10-binary")
    file = folder / "data_batch_4.bin"
    file.write_bytes(file.read_bytes()[:3073])
    with pytest.raises(
        TrainingError, match=r"'data_batch_4\.bin' is cut short: 1 images, where others have 2"
    ):
        load_cifar10(folder)


def test_an_empty_file_is_named(cifar):
    folder = cifar("cifar-100-binary")
    (folder / "train.bin").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"'train\.bin' is cut short: 0 bytes"):
        load_cifar100(folder)


def test_a_pickle_cut_short_is_named(cifar):
    folder = cifar("cifar-10-python")
    file = folder / "data_batch_2"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(TrainingError, match="cannot read 'data_batch_2' as a pickle"):
        load_cifar10(folder)


def test_an_archive_cut_short_is_named(cifar, packed):
    path = packed(cifar("cifar-10-binary"), "cifar-10-binary.tar.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(
        TrainingError, match=r"cifar-10-binary\.tar\.gz' as a tar archive: damaged, cut short"
    ):
        load_cifar10(path)


@pytest.mark.parametrize("label", [10, 255])
def test_a_label_beyond_the_classes_is_named(cifar, label):
    folder = cifar("cifar-10-binary")
    content = bytearray((folder / "test_batch.bin").read_bytes())
    content[3073] = label
    (folder / "test_batch.bin").write_bytes(content)
    with pytest.raises(TrainingError, match=r"'test_batch\.bin' is damaged: expected a label from 0 to 9"):
        load_cifar10(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [1]}, "expected a label from 0 to 9 for each of its 2 images"),
        ({"labels": ["a", "b"]}, "its labels are no numbers"),
        ({"data": [1, 2]}, "expected images of 3072 values"),
        ({"data": np.zeros((2, 3071), np.uint8)}, "expected images of 3072 values"),
    ],
)
def test_a_batch_that_is_no_batch_is_named(cifar, pickled, change, message):
    folder = cifar("cifar-10-python")
    batch = {"labels": [1, 2], "data": np.zeros((2, 3072), np.uint8), **change}
    (folder / "data_batch_1").write_bytes(pickled(batch))
    with pytest.raises(TrainingError, match=f"'data_batch_1' is damaged: {message}"):
        load_cifar10(folder)


def test_a_batch_without_labels_is_named(cifar, pickled):
    folder = cifar("cifar-10-python")
    (folder / "data_batch_1").write_bytes(pickled({"data": np.zeros((2, 3072), np.uint8)}))
    with pytest.raises(TrainingError, match=r"'data_batch_1' lacks 'labels'.*found data"):
        load_cifar10(folder)


def test_an_archive_with_a_malicious_pickle_runs_nothing(cifar, packed, tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "victim"),)

    folder = cifar("cifar-10-python")
    (folder / "test_batch").write_bytes(pickle.dumps({"data": Runs(), "labels": [0]}, protocol=2))
    with pytest.raises(TrainingError, match=r"'test_batch' asks for .*mkdir to be run.*refused"):
        load_cifar10(packed(folder, "cifar-10-python.tar.gz"))
    assert not (tmp_path / "victim").exists()
