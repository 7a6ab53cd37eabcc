"""The decoy source draws fresh images with the mean and covariance of the images it was fitted to."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from phasekey.model import ModelError
from phasekey.model.hiding.sampler import ImageSampler
from phasekey.training.data.lazy import LazyImages


def digits() -> torch.Tensor:
    images = np.round(load_digits().images * 255 / 16).astype(np.uint8)
    return torch.from_numpy(images)[..., None]


def test_samples_have_the_mean_and_covariance_of_real_images() -> None:
    sampler = ImageSampler((1, 8, 8), noise_size=64)
    sampler.fit(digits())
    real = digits().flatten(1).float().numpy() / 255
    torch.manual_seed(0)
    # Before the clip to [0, 1], which bends both.
    drawn = (sampler.mean + torch.randn(20000, 64) @ sampler.components).numpy()
    np.testing.assert_allclose(drawn.mean(0), real.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(real.T), atol=0.01)
    images = sampler(torch.randn(100, 64))
    assert images.shape == (100, 1, 8, 8)
    assert 0 <= float(images.min()) < float(images.max()) <= 1


def test_fitting_twice_gives_the_same_and_other_noise_gives_another_image() -> None:
    first, second = ImageSampler((1, 8, 8)), ImageSampler((1, 8, 8))
    first.fit(digits())
    second.fit(digits())
    torch.testing.assert_close(first.components, second.components)
    one, other = first(torch.randn(2, 64))
    assert float((one - other).abs().mean()) > 0.05


def test_large_images_are_drawn_small_and_enlarged() -> None:
    sampler = ImageSampler((3, 48, 48), noise_size=4)
    sampler.fit(torch.randint(0, 256, (20, 48, 48, 3), dtype=torch.uint8))
    assert sampler.components.shape == (4, 3 * 32 * 32)
    assert sampler(torch.randn(2, 4)).shape == (2, 3, 48, 48)


def test_numpy_arrays_and_data_sets_are_taken_as_they_are() -> None:
    expected, images = ImageSampler((1, 8, 8)), digits()
    expected.fit(images)
    lazy = LazyImages(lambda row: images[row].numpy(), tuple(images.shape))
    for given in (images.numpy(), images.numpy()[::-1][::-1], lazy):
        sampler = ImageSampler((1, 8, 8))
        assert not sampler.fitted
        sampler.fit(given)
        assert sampler.fitted
        torch.testing.assert_close(sampler.components, expected.components)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((5, 1, 8, 8), np.uint8), r"\(N, H, W, C\); got \(5, 1, 8, 8\)"),
        (np.zeros((1, 8, 8, 1), np.uint8), r"two images or more"),
        (np.zeros((5, 8, 8, 1), np.float32), r"type uint8, 0 to 255; got torch.float32"),
    ],
)
def test_other_images_are_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ImageSampler((1, 8, 8)).fit(images)


def test_fitting_takes_images_from_first_to_last() -> None:
    # Folders come sorted by class: here the second class is the last tenth, beyond the first 2,000.
    images = torch.zeros(2500, 2, 2, 1, dtype=torch.uint8)
    images[2250:] = 255
    sampler = ImageSampler((1, 2, 2))
    sampler.fit(images)
    np.testing.assert_allclose(sampler.mean.numpy(), 0.1, atol=0.002)
