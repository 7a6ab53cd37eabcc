import numpy as np
import pytest
import torch

from phasekey.training.data.dataset import Split
from phasekey.training.loop.batches import Batches

# Each image is filled with its own number, which is its label too.
NUMBERS = np.arange(23)
SPLIT = Split(np.broadcast_to(NUMBERS[:, None, None, None], (23, 4, 4, 1)).astype(np.uint8), NUMBERS)


def batches(seed=0, **place):
    return Batches(SPLIT, batch_size=4, kind="none", seed=seed, device=torch.device("cpu"), **place)


def labels(source):
    return [label for _, chosen in source.epoch() for label in chosen.tolist()]


def test_an_epoch_shows_images_once_with_their_labels_in_a_new_order():
    source = batches()
    for images, chosen in source.epoch():
        assert images.shape == (4, 1, 4, 4)
        torch.testing.assert_close(images[:, 0, 0, 0] * 255, chosen.float())
    first, second = labels(batches()), labels(source)
    assert len(set(first)) == len(first) == 20
    assert first != second
    assert first == labels(batches())
    assert first != labels(batches(seed=1))


@pytest.mark.parametrize("taken", [0, 1, 4, 5])
def test_another_goes_on_where_one_left_off(taken):
    one, uncut = batches(), labels(batches())
    steps = one.epoch()
    seen = [label for _ in range(taken) for label in next(steps)[1].tolist()]
    other = batches(seed=7)
    other.load_state_dict(one.state_dict())
    if taken < 5:
        assert seen + labels(other) == uncut
    whole = batches()
    labels(whole)
    assert labels(other) == labels(whole), "the epoch after it"


def test_processes_share_every_batch():
    parts = [batches(rank=rank, world_size=2) for rank in (0, 1)]
    both = [[chosen.tolist() for _, chosen in part.epoch()] for part in parts]
    assert [one + other for one, other in zip(*both, strict=True)] == [
        chosen.tolist() for _, chosen in batches().epoch()
    ]


def test_a_data_set_smaller_than_a_batch_is_one_batch():
    source = Batches(SPLIT, batch_size=64, kind="none", seed=0, device=torch.device("cpu"))
    assert source.steps == 1
    assert sorted(labels(source)) == NUMBERS.tolist()
