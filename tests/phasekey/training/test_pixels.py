import threading

import numpy as np
import pytest
import torch

from phasekey.training.data.dataset import Split
from phasekey.training.data.lazy import LazyImages
from phasekey.training.loop.batches import Batches
from phasekey.training.pixels import Pixels, spread

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), np.uint8)
CPU = torch.device("cpu")


def lazy(asked=None):
    def one(row):
        if asked is not None:
            asked.append(row)
        return IMAGES[row]

    return LazyImages(one, IMAGES.shape)


@pytest.mark.parametrize("images", [IMAGES, lazy()], ids=["array", "lazy"])
def test_rows_are_those_of_the_array_whatever_was_announced(images):
    pixels = Pixels(images, CPU)
    for announced, rows in (([], [3, 1]), ([5, 6], [5, 6]), ([5, 6], [6, 5]), ([5, 6], [5]), ([], [0])):
        if announced:
            pixels.ahead(torch.tensor(announced))
        np.testing.assert_array_equal(pixels[torch.tensor(rows)].numpy(), IMAGES[rows])


def test_what_was_announced_is_decoded_once_and_before_it_is_asked_for():
    asked, done = [], threading.Event()

    def one(row):
        asked.append(row)
        if len(asked) == 2:
            done.set()
        return IMAGES[row]

    pixels = Pixels(LazyImages(one, IMAGES.shape), CPU)
    pixels.ahead(torch.tensor([7, 2]))
    assert done.wait(60)
    np.testing.assert_array_equal(pixels[torch.tensor([7, 2])].numpy(), IMAGES[[7, 2]])
    assert sorted(asked) == [2, 7]


def test_an_epoch_decodes_each_image_once_and_gives_what_one_in_memory_gives():
    asked: list[int] = []
    labels = np.arange(20, dtype=np.int64)
    options = {"batch_size": 6, "kind": "crop-flip", "seed": 1, "device": CPU}
    batches = Batches(Split(lazy(asked), labels), **options)
    found = list(batches.epoch())
    assert sorted(asked) == sorted(batches.order[:18].tolist())
    for mine, expected in zip(found, Batches(Split(IMAGES, labels), **options).epoch(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, expected, strict=True))


@pytest.mark.parametrize(("most", "rows"), [(20, range(20)), (19, range(0, 20, 2)), (3, (0, 7, 14))])
def test_a_spread_runs_from_first_to_last(most, rows):
    for images in (IMAGES, lazy()):
        np.testing.assert_array_equal(spread(images, most).numpy(), IMAGES[list(rows)])
