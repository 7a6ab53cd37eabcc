"""The posterior's network turns as its input does."""

import torch

from phasekey.audit.networks.posterior import Posterior, grid
from phasekey.model.rotation import rotate


def test_a_turned_transmission_has_turned_scores() -> None:
    torch.manual_seed(0)
    feature, decoy = torch.randn(2, 5, 3, 4, 4)
    x, turned = (rotate(feature, decoy, torch.full((5,), angle)) for angle in (0.3, 0.3 + torch.pi / 4))
    network = Posterior(48, 16)
    network.whiten(x)
    angles = grid(8, x)
    torch.testing.assert_close(network(turned, angles), network(x, angles).roll(1, 1))


def test_scores_are_of_the_turned_back_transmission() -> None:
    """Against the plain way: turn x by hand, and ask at angle zero."""
    torch.manual_seed(0)
    feature, decoy = torch.randn(2, 5, 6)
    network = Posterior(6, 16)
    network.whiten(torch.cat([feature, decoy], 1))
    theta = torch.linspace(0, 5, 5)
    x = rotate(feature, decoy, theta)
    plain = network(torch.cat([feature, decoy], 1), torch.zeros(5, 1))
    torch.testing.assert_close(network(x, theta[:, None]), plain, rtol=1e-4, atol=1e-5)


def test_whitening_gives_every_direction_the_same_energy() -> None:
    torch.manual_seed(0)
    x = torch.randn(2000, 16) @ torch.diag(torch.linspace(0.5, 2, 8).repeat(2))
    network = Posterior(8, 4)
    network.whiten(x)
    white = torch.cat(x.chunk(2, 1)) @ network.basis
    torch.testing.assert_close(white.T @ white / len(white), torch.eye(8), rtol=1e-3, atol=1e-3)
