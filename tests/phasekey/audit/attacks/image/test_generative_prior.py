"""The search's distance against turning x at every angle, and the generator against principal components."""

import numpy as np
import torch

from phasekey.audit.attackers.networks.image_prior import ImagePrior, StandIn
from phasekey.audit.attacks.image.generative_prior import ANGLES, _misfit
from phasekey.audit.numerics.circle import grid
from phasekey.audit.numerics.rotation import hide, unrotate


def test_the_misfit_is_that_of_the_nearest_turn() -> None:
    rng = np.random.default_rng(0)
    feature, decoy, other = (rng.standard_normal((5, 7)).astype(np.float32) for _ in range(3))
    x = hide(feature, decoy, rng.uniform(0, 2 * np.pi, 5))
    bias = rng.uniform(0, 0.5, (5, ANGLES)).astype(np.float32)
    turns = np.stack([unrotate(x, np.full(5, angle)) for angle in grid(ANGLES)], axis=1)  # (N, A, F)
    size = 0.5 * np.square(x).sum(1)
    u, v = torch.from_numpy(x).chunk(2, 1)
    naive = np.square(turns[:, :, None] - other).sum(3) / size[:, None, None] + bias[:, :, None]
    found = _misfit(u, v, torch.from_numpy(other), torch.from_numpy(bias), cross=True).numpy()
    np.testing.assert_allclose(found, naive.min(1), atol=1e-4)
    paired = _misfit(u, v, torch.from_numpy(other), torch.from_numpy(bias)).numpy()
    np.testing.assert_allclose(paired, np.diagonal(found), atol=1e-4)
    own = _misfit(u, v, torch.from_numpy(feature), torch.zeros(5, ANGLES)).numpy()
    assert (own < 0.01).all()  # but for the grid, its own feature is a turn of x


def test_a_prior_begins_as_principal_components_and_gives_images_of_any_size() -> None:
    torch.manual_seed(0)
    for size in (32, 20):
        images = torch.rand(60, 3, size, size)
        prior = ImagePrior(images, 4)
        mean, _ = prior.law(images)
        again = prior.images(mean)
        assert again.shape == images.shape
        assert (again - images).abs().mean() < 0.02  # 59 components of 60 images, but for the mean: all of it
        assert torch.isfinite(prior.loss(images))


def test_a_stand_in_begins_as_a_regression() -> None:
    torch.manual_seed(0)
    images = torch.rand(400, 1, 8, 8)
    feature = images.flatten(1) @ torch.randn(64, 5) + 3
    stand_in = StandIn((1, 8, 8), 5, 4)
    stand_in.begin(images, feature)
    away = (stand_in(images) - feature).square().mean() / feature.var()
    assert away < 0.01
