"""Pictures from few nats: the bound against a channel whose best attacker is known, and the attackers."""

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.audit.attackers.networks.image_prior import ImagePrior
from phasekey.audit.claims.bounded import gram
from phasekey.audit.claims.bounded.pictures import bolder_by, likeliest, posterior_mean, rmse_at_least

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 4, 4, 1), np.uint8)


def told_with(probability: float) -> tuple[float, float]:
    """Nats and the best RMSE of a channel that names the image, or says nothing at all.

    Erased with 1 - p: the mutual information is p ln N, the best guess the image itself or the mean one.
    """
    values = IMAGES / 255
    blind = np.square(values - values.mean(0)).mean()
    return probability * np.log(len(IMAGES)), float(np.sqrt((1 - probability) * blind))


@pytest.mark.parametrize("probability", [0.0, 0.02, 0.1, 0.5])
def test_no_channel_is_better_than_the_bound(probability: float) -> None:
    nats, best = told_with(probability)
    assert rmse_at_least(IMAGES, nats) <= best + 1e-3


def test_the_bound_is_chance_at_no_nats_and_nothing_at_many() -> None:
    blind = told_with(0.0)[1]
    assert rmse_at_least(IMAGES, 1e-4) == pytest.approx(blind, abs=0.01)
    assert rmse_at_least(IMAGES, 0.05) < rmse_at_least(IMAGES, 0.01) < blind
    assert rmse_at_least(IMAGES, 20.0) == 0


def test_a_posterior_mean_is_the_weighed_sum() -> None:
    weight = np.array([[1.0, 0.0], [0.25, 0.75]])
    found = posterior_mean(weight, IMAGES[:2])
    np.testing.assert_allclose(found[0], IMAGES[0] / 255, atol=1e-6)
    np.testing.assert_allclose(found[1], (IMAGES[0] / 4 + IMAGES[1] * 0.75) / 255, atol=1e-6)


def test_estimates_keep_what_least_squares_says() -> None:
    mean = np.full((4, 4, 1), 0.5, np.float32)
    truth = (IMAGES / 255).astype(np.float32)
    assert bolder_by(mean + 4 * (truth - mean), truth, mean) == pytest.approx(0.25, abs=1e-5)
    assert bolder_by(mean - (truth - mean), truth, mean) == 0
    assert bolder_by(np.broadcast_to(mean, truth.shape), truth, mean) == 0


@pytest.mark.parametrize(("sigma", "better"), [(0.1, True), (20.0, False)])
def test_the_gradient_finds_images_where_decoys_are_small_and_none_where_they_are_large(
    sigma: float, better: bool
) -> None:
    """A linear encoder of three values with a length of √3, off centre, so that a sign can be told."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(16, 3))[0].T
    images = (0.5 + 0.1 * torch.randn(300, 3) @ basis).reshape(-1, 1, 4, 4)

    class Encoder(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return 3**0.5 * nn.functional.normalize((pictures.flatten(1) - 0.2) @ basis.T, dim=1)

    encode = Encoder()
    with torch.no_grad():
        w = gram.transmit(encode(images[:50]), gram.GramLaw(8, sigma)).numpy()
    found = likeliest(ImagePrior(images[50:]), encode, w, 8)
    truth = images[:50].permute(0, 2, 3, 1).numpy()
    mean = images[50:].mean(0).permute(1, 2, 0).numpy()
    wrong, blind = (np.square(guess - truth).mean() for guess in (found, np.broadcast_to(mean, truth.shape)))
    assert bool(wrong < 0.8 * blind) is better
