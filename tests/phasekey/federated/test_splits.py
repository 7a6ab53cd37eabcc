"""Images are dealt once each, and devices differ as asked."""

import numpy as np
import pytest

from phasekey.federated.errors import FederatedError
from phasekey.federated.splits import deal, parse_split

LABELS = np.repeat(np.arange(10), 60)


@pytest.mark.parametrize("alpha", [None, 0.5, 100.0])
def test_every_image_goes_to_one_device(alpha):
    parts = deal(LABELS, 8, alpha, seed=3)
    assert len(parts) == 8
    assert sorted(np.concatenate(parts)) == list(range(len(LABELS)))


def skew(parts):
    """The mean over devices of the share of their commonest class."""
    return np.mean([np.bincount(LABELS[rows]).max() / len(rows) for rows in parts])


def test_a_smaller_alpha_makes_devices_differ_more():
    assert (
        skew(deal(LABELS, 8, 0.2, 0))
        > skew(deal(LABELS, 8, 1.0, 0))
        > skew(deal(LABELS, 8, 1000.0, 0)) + 0.05
    )


def test_a_seed_deals_the_same_again():
    first, again, other = (deal(LABELS, 4, 0.5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("words", ["dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1", "x"])
def test_other_words_are_refused(words):
    with pytest.raises(FederatedError, match="--split takes"):
        parse_split(words)


def test_words():
    assert parse_split("iid") is None
    assert parse_split("dirichlet:0.5") == 0.5


def test_too_few_images_are_refused():
    with pytest.raises(FederatedError, match="too few"):
        deal(LABELS[:20], 8, None, 0)
