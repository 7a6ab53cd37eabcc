"""The comparison with known images against turning x at every angle; the turns that are tried."""

import numpy as np
import torch

from phasekey.audit.artefacts import Posterior
from phasekey.audit.attackers.networks.image_prior import ImagePrior, StandIn
from phasekey.audit.attacks.image.generative_prior import ANGLES, TURNS, _misfit, likely_turns, sharpest
from phasekey.audit.numerics.circle import grid
from phasekey.audit.numerics.rotation import hide, unrotate
from phasekey.audit.scene.scene import Samples


def test_the_misfit_is_that_of_the_nearest_turn() -> None:
    rng = np.random.default_rng(0)
    feature, decoy, other = (rng.standard_normal((5, 7)).astype(np.float32) for _ in range(3))
    x = hide(feature, decoy, rng.uniform(0, 2 * np.pi, 5))
    bias = rng.uniform(0, 0.5, (5, ANGLES)).astype(np.float32)
    turns = np.stack([unrotate(x, np.full(5, angle)) for angle in grid(ANGLES)], axis=1)  # (N, A, F)
    size = 0.5 * np.square(x).sum(1)
    naive = np.square(turns[:, :, None] - other).sum(3) / size[:, None, None] + bias[:, :, None]
    found = _misfit(torch.from_numpy(x), torch.from_numpy(other), torch.from_numpy(bias)).numpy()
    np.testing.assert_allclose(found, naive.min(1), atol=1e-4)
    own = _misfit(torch.from_numpy(x), torch.from_numpy(feature), torch.zeros(5, ANGLES)).numpy()
    assert (np.diagonal(own) < 0.01).all()  # but for the grid, its own feature is a turn of x


def test_turns_are_quantiles_of_the_posterior_and_their_shares_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 8)).astype(np.float32)
    posterior = np.zeros((3, 8), np.float32)
    posterior[0, 5] = 1  # one angle is sure
    posterior[1, [1, 6]] = 0.75, 0.25
    posterior[2] = 1 / 8
    turns = likely_turns(x, posterior)
    assert turns.owner.tolist() == [0, 1, 1, *[2] * TURNS]
    np.testing.assert_allclose(turns.share, [1, 0.75, 0.25, *[1 / TURNS] * TURNS])
    np.testing.assert_allclose(turns.feature[:1], unrotate(x[:1], grid(8)[5:6]), atol=1e-6)
    np.testing.assert_allclose(turns.feature[2:3], unrotate(x[1:2], grid(8)[6:7]), atol=1e-6)
    np.testing.assert_allclose(turns.mean(np.ones((len(turns.owner), 2), np.float32)), 1)


def test_the_sharpest_posterior_is_that_which_gives_the_truth_most() -> None:
    theta = np.array([0.0, np.pi])
    samples = Samples(*[np.zeros((2, 1))] * 5, theta=theta)
    right, wrong = (np.full((2, 4), 0.1, np.float32) for _ in range(2))
    right[[0, 1], [0, 2]] = wrong[[0, 1], [1, 3]] = 0.7
    known = Posterior(right, right)
    assert sharpest((Posterior(wrong, wrong), known), samples) is known
    assert sharpest((), samples).test.shape == (1, ANGLES)


def test_a_prior_is_the_images_principal_components_in_units_of_their_deviation() -> None:
    torch.manual_seed(0)
    images = torch.rand(60, 3, 20, 20) * 0.2 + torch.rand(3, 1, 1)
    prior = ImagePrior(images)
    drawn = prior.images(torch.randn(4_000, prior.latent)).flatten(1)
    flat = images.flatten(1)
    torch.testing.assert_close(drawn.mean(0), flat.mean(0), atol=0.01, rtol=0)
    spread = (flat - flat.mean(0)).square().sum(1).mean()
    torch.testing.assert_close((drawn - drawn.mean(0)).square().sum(1).mean(), spread, rtol=0.03, atol=0)


def test_a_stand_in_begins_as_a_regression() -> None:
    torch.manual_seed(0)
    images = torch.rand(400, 1, 8, 8)
    feature = images.flatten(1) @ torch.randn(64, 5) + 3
    stand_in = StandIn((1, 8, 8), 5, 4)
    stand_in.begin(images, feature)
    away = (stand_in(images) - feature).square().mean() / feature.var()
    assert away < 0.01
