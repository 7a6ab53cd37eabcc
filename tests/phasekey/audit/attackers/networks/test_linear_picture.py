"""The closed form against numpy's least squares."""

import numpy as np
import pytest
import torch

from phasekey.audit.attackers.networks.linear_picture import LARGEST_FEATURE, LinearPicture


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 12, generator=generator) + 3
    images = torch.rand(300, 3, 4, 5, generator=generator)
    return features, images


def test_is_least_squares_where_no_penalty_helps(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, images = pairs
    picture = LinearPicture((12,), (3, 4, 5))
    picture.fit((features, images), (features, images))  # held-out = training: the smallest penalty wins
    design = np.concatenate([features.numpy(), np.ones((300, 1))], 1)
    expected = design @ np.linalg.lstsq(design, images.flatten(1).numpy(), rcond=None)[0]
    np.testing.assert_allclose(picture(features).flatten(1).numpy(), expected, atol=2e-3)


def test_knows_nothing_of_unrelated_features(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Validation decides for a penalty under which the picture is near the mean image."""
    features, images = pairs
    picture = LinearPicture((12,), (3, 4, 5))
    picture.fit((features[:40], images[:40]), (features[150:], images[150:]))
    error = (picture(features[150:]) - images[150:]).square().mean()
    assert error < 1.2 * (images[150:] - images[:40].mean(0)).square().mean()


def test_a_constant_feature_gives_the_mean_image(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    _, images = pairs
    constant = torch.full((300, 12), 2.0)
    picture = LinearPicture((12,), (3, 4, 5))
    picture.fit((constant, images), (constant, images))
    np.testing.assert_allclose(picture(constant)[0].numpy(), images.mean(0).numpy(), atol=1e-4)


def test_wide_maps_are_averaged_and_large_images_enlarged() -> None:
    picture = LinearPicture((32, 31, 31), (1, 64, 48))
    assert picture.weight.shape[0] <= LARGEST_FEATURE
    assert picture(torch.randn(2, 32, 31, 31)).shape == (2, 1, 64, 48)
