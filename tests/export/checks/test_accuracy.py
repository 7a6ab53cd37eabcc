"""Accuracy through the graphs: that of PyTorch, given the same angles and decoys."""

import numpy as np
import pytest
import torch

from export.checks.accuracy import accuracy_through, probabilities_through
from phasekey.bundle import WireSpec
from phasekey.model.hiding.rotation import rotate, unrotate
from phasekey.training.data.registry import load_dataset

FLOAT32 = WireSpec("float32", None, None, {})


def test_accuracy_is_that_of_torch(checkpoint, graphs) -> None:
    """The same θ and decoys through PyTorch's own layers: the same answers."""
    network = checkpoint.network
    test = load_dataset("digits").test
    images, labels = test.images[:60], test.labels[:60]
    generator = torch.Generator().manual_seed(9)
    logits = []
    for start in range(0, 60, 20):
        noise = torch.randn(20, network.sampler.noise_size, generator=generator)
        theta = 2 * np.pi * torch.rand(20, generator=generator)
        with torch.no_grad():
            pixels = torch.from_numpy(images[start : start + 20]).permute(0, 3, 1, 2).float() / 255
            x = rotate(network.encoder(pixels), network.encoder(network.sampler(noise)), theta)
            logits.append(network.decoder(unrotate(network.processing(x), theta)))
    expected = torch.cat(logits)
    found = probabilities_through(network, graphs, FLOAT32, images, seed=9)
    np.testing.assert_allclose(found, expected.softmax(1).numpy(), atol=1e-4)
    share = float((expected.argmax(1).numpy() == labels).mean())
    assert accuracy_through(network, graphs, FLOAT32, images, labels, seed=9) == pytest.approx(
        share, abs=1e-9
    )
    assert 0.5 < share <= 1


def test_accuracy_of_attributes_counts_each_alike(checkpoint, graphs, exported) -> None:
    network = checkpoint.network
    probabilities = probabilities_through(network, graphs, FLOAT32, exported.images)
    labels = (probabilities > 0.5).astype(np.int64)
    labels[:, 0] = 1 - labels[:, 0]
    assert accuracy_through(network, graphs, FLOAT32, exported.images, labels) == pytest.approx(0.9)
