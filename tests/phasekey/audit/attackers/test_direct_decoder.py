"""The way that never asks for the angle: what it starts from, and that it learns."""

import torch

from phasekey.audit.attackers.angle_estimates import Traffic
from phasekey.audit.attackers.direct_decoder import _principal, _start, train_direct
from phasekey.audit.attackers.networks.direct_images import DirectImages
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.whitening import spectrum
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scoring.baselines import trivial_images


def test_principal_images_are_those_of_a_plain_decomposition() -> None:
    images = torch.rand(40, 30, generator=torch.Generator().manual_seed(0))
    mean, directions = _principal(images)
    expected = torch.linalg.svd(images - mean, full_matrices=False)[2]
    kept = len(directions)
    shares = (directions.flip(0) * expected[:kept]).sum(1).abs()  # each up to its sign
    torch.testing.assert_close(shares[:20], torch.ones(20), rtol=1e-3, atol=1e-3)


def test_guesses_start_from_cluster_means() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0] * 6, [1.0] * 6])
    images = centres.repeat_interleave(20, 0) + 0.01 * torch.randn(40, 6, generator=generator)
    principal = _principal(images)
    network = DirectImages(torch.zeros(4, 2), principal, _start(principal, images, 2), (1, 2, 3), 8)
    torch.nn.init.zeros_(network.layers[-1].weight)
    guesses = network(torch.randn(1, 8))[0].flatten(1)
    found = guesses[guesses.mean(1).argsort()].detach()
    torch.testing.assert_close(found, centres, rtol=0, atol=0.02)


def test_the_better_of_two_beats_cluster_means_where_much_leaks(leaky: Scene, watch) -> None:
    flat = leaky.train.feature.reshape(len(leaky.train), -1)
    mean = flat.mean(0)
    posterior = Energies(spectrum(flat).whitening(), (mean, mean), 4)
    with seeded(0):
        network = train_direct(leaky, posterior, Traffic(leaky), 2, EFFORTS["control"], watch)
    guesses = network(torch.from_numpy(leaky.test.x)).detach().numpy().transpose(0, 1, 3, 4, 2)
    truth = leaky.test.images[:, None] / 255.0
    means = trivial_images(leaky.train, leaky.test, 0).pair[None]
    found, trivial = (((pair - truth) ** 2).mean((2, 3, 4)).min(1).mean() ** 0.5 for pair in (guesses, means))
    assert found < 0.97 * trivial
