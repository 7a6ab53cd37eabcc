"""x as it is made for checks and calibration, against PyTorch and the equation."""

import numpy as np
import torch

from export.checks.transmissions import hidden, revealed, transmissions
from export.session import open_graph
from phasekey.model import SplitNetwork
from phasekey.model.hiding.secrets import draw_secret


def test_transmissions_are_the_equation(checkpoint, graphs, exported) -> None:
    """Each x against torch, given the same decoys' noise and secrets."""
    network: SplitNetwork = checkpoint.network
    noise = torch.randn(20, network.sampler.noise_size, generator=torch.Generator().manual_seed(3))
    ((x, secret),) = transmissions(network, open_graph(graphs.encoder), exported.images, seed=3)
    with torch.no_grad():
        pixels = torch.from_numpy(exported.images).permute(0, 3, 1, 2).float() / 255
        rows = torch.stack([network.encoder(pixels), network.encoder(network.sampler(noise))], dim=1)
        expected = torch.einsum("nij,njchw->nichw", secret.float(), rows).flatten(1, 2)
    np.testing.assert_allclose(x, expected.numpy(), atol=1e-4)


def test_hidden_and_revealed_undo_each_other_in_either_layout() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 4, 3, 2, 2)).astype(np.float32)
    for kind, permuted in (("orthogonal", False), ("permutation", True)):
        secret = draw_secret(kind, 5, 4)
        x = hidden(rows, secret, permuted=permuted)
        assert x.shape == ((20, 3, 2, 2) if permuted else (5, 12, 2, 2))
        np.testing.assert_allclose(revealed(x, secret, permuted=permuted), rows[:, 0], atol=1e-5)
