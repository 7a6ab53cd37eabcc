"""x as it is made for checks and calibration, against PyTorch and the equation."""

import numpy as np
import torch

from export.checks.transmissions import features
from export.session import open_graph
from phasekey.model import SplitNetwork
from phasekey.model.rotation import rotate


def test_features_are_the_equation(checkpoint, graphs, exported) -> None:
    """Each x against torch, given the same decoys' noise and angles."""
    network: SplitNetwork = checkpoint.network
    random = np.random.default_rng(3)
    noise = random.standard_normal((20, network.sampler.noise_size)).astype(np.float32)
    ((x, theta),) = features(open_graph(graphs.encoder), exported.images, seed=3)
    with torch.no_grad():
        pixels = torch.from_numpy(exported.images).permute(0, 3, 1, 2).float() / 255
        decoy = network.encoder(network.sampler(torch.from_numpy(noise)))
        expected = rotate(network.encoder(pixels), decoy, torch.from_numpy(theta))
    np.testing.assert_allclose(x, expected.numpy(), atol=1e-4)
