"""From a published layout to a trained network, with images decoded batch by batch."""

from dataclasses import replace

import numpy as np
import pytest

from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data import lazy
from phasekey.training.data.lazy import LazyImages
from phasekey.training.data.registry import load_dataset
from phasekey.training.loop.train import train


@pytest.mark.parametrize("word", ["celeba", "cub200-boxes"])
def test_lazy_images_train_as_those_in_memory_do(
    celeba, cub200, one_epoch, one_thread, tmp_path, word, monkeypatch
):
    data = f"{word}:{celeba if word == 'celeba' else cub200}"
    config = replace(one_epoch, data=data, batch_size=2)
    first = load_checkpoint(train(config, load_dataset(data, 32)))
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    dataset = load_dataset(data, 32)
    assert isinstance(dataset.train.images, LazyImages)
    second = load_checkpoint(train(replace(config, out=tmp_path / "lazy"), dataset))
    assert first.facts == second.facts
    for name, value in first.network.state_dict().items():
        np.testing.assert_array_equal(second.network.state_dict()[name], value)


def test_a_task_of_attributes_reaches_the_checkpoint(celeba, one_epoch):
    dataset = load_dataset(f"celeba:{celeba}", 32)
    checkpoint = load_checkpoint(train(replace(one_epoch, batch_size=2), dataset))
    assert checkpoint.network.task == "attributes"
    assert checkpoint.labels == dataset.classes
    # Three test images of 30 attributes: any share of 90 answers.
    assert checkpoint.facts["test_accuracy"] == pytest.approx(
        round(checkpoint.facts["test_accuracy"] * 90) / 90
    )


def test_a_large_image_folder_is_decoded_when_asked(image_folder, monkeypatch):
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    dataset_path = str(image_folder())
    dataset = load_dataset(dataset_path)
    assert isinstance(dataset.test.images, LazyImages)
    monkeypatch.undo()
    settled = load_dataset(dataset_path).test.images
    assert isinstance(settled, np.ndarray)
    np.testing.assert_array_equal(dataset.test.images[[5, 0]], settled[[5, 0]])
