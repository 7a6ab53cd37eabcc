"""Controls without a cloud: the linear read-out finds what is there, and comparisons are image by image."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from phasekey.model import build_network
from phasekey.training.controls import ReadOut, added_by_cloud, encode, linear_read_out, stability
from phasekey.training.data.dataset import Split
from phasekey.training.errors import TrainingError


class Pixels(nn.Module):
    """An encoder that hands the images through, small."""

    def forward(self, images):
        return nn.functional.avg_pool2d(images, 4).flatten(1)


def bounded(**options):
    torch.manual_seed(0)
    settings = {
        "head": "norm-bottleneck", "width": 64, "decoy": "gaussian", "secret": "orthogonal", "components": 3,
        **options,
    }  # fmt: skip
    return build_network("lenet", classes=10, image=(1, 32, 32), **settings).eval()


@pytest.fixture
def pixels():
    network = bounded()
    network.encoder = Pixels()
    return network


def test_the_read_out_of_pixels_is_the_regression_on_pixels(pixels, digits):
    read_out = linear_read_out(pixels, digits.train, digits.test, augment=False)
    assert read_out.error.mean < 0.08  # the digits are 8 × 8, so all of them are in the feature
    assert read_out.error.low < read_out.error.mean < read_out.error.high
    train, test = (
        images.reshape(-1, 8, 4, 8, 4).mean((2, 4)).reshape(-1, 64) / 255
        for images in (digits.train.images, digits.test.images)
    )
    other = LogisticRegression(max_iter=1000).fit(train, digits.train.labels)
    right = (other.predict(test) == digits.test.labels).mean()
    assert read_out.correct.mean() == pytest.approx(right, abs=0.03)


def test_features_are_the_encoders_at_inference_and_mirror_images_are_mirrored(digits):
    network, images = bounded(), digits.test.images[:7]
    flipped = np.ascontiguousarray(images[:, :, ::-1])
    assert encode(network, images).shape == (7, 64)
    np.testing.assert_allclose(encode(network, images, mirrored=True), encode(network, flipped), atol=1e-6)
    np.testing.assert_allclose(encode(network, images), encode(network.train(), images), atol=1e-6)


def test_attributes_are_read_out_one_by_one(pixels, digits):
    """The label's bits, and one attribute that never changes."""
    split = [
        Split(s.images, np.stack([s.labels // 2**bit % 2 for bit in range(3)] + [0 * s.labels], axis=1))
        for s in (digits.train, digits.test)
    ]
    read_out = linear_read_out(pixels, *split, augment=False)
    assert set(np.unique(read_out.correct)) <= {0, 0.25, 0.5, 0.75, 1}
    assert read_out.error.mean < 0.2


def test_what_the_cloud_adds_is_paired(digits):
    network, test = bounded(), digits.test
    with torch.no_grad():
        network.decoder[-1].weight.zero_()
        network.decoder[-1].bias.copy_(torch.eye(10)[3])
    threes = (test.labels == 3).astype(np.float32)
    same = added_by_cloud(network, test, ReadOut(threes))
    assert same == (0, 0, 0)
    worse = added_by_cloud(network, test, ReadOut(np.ones(len(test.labels), np.float32)))
    assert worse.mean == pytest.approx(threes.mean() - 1)
    assert worse.high < 0


def test_an_answer_that_ignores_the_decoys_is_stable_and_others_are_counted(digits):
    network, few = bounded(components=4, sigma=3.0), Split(digits.test.images[:60], digits.test.labels[:60])
    moved = stability(network, few, 6)
    assert len(set(moved.accuracies)) > 1 or moved.changing > 0
    assert 0 < moved.changing <= 1
    assert stability(network, few, 6) == moved
    plain = build_network("lenet", classes=10, image=(1, 32, 32), form="original", secret="permutation")
    assert stability(plain, few, 3).changing == 0


def test_a_feature_too_wide_for_a_regression_is_refused(digits):
    network = build_network("resnet20", classes=10, image=(1, 32, 32))
    with pytest.raises(TrainingError, match=r"at most 4096 values; this one has shape \(16, 32, 32\)"):
        linear_read_out(network, digits.train, digits.test)
