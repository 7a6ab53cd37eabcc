"""The U-Net's shape, and where it starts."""

import pytest
import torch
from torch import nn

from phasekey.audit.attackers.networks.unet import PAPER_CONVOLUTIONS, PAPER_WIDTH, UNet


@pytest.mark.parametrize(
    ("feature", "image"),
    [((6, 14, 14), (3, 32, 32)), ((12,), (3, 32, 32)), ((16, 8, 8), (1, 16, 16)), ((4, 7, 9), (1, 28, 20))],
)
def test_takes_maps_and_vectors_to_images(feature: tuple[int, ...], image: tuple[int, int, int]) -> None:
    network = UNet(feature, image, width=4, convolutions=1)
    assert network(torch.randn(2, *feature), torch.rand(2, *image)).shape == (2, *image)


def test_before_training_it_returns_the_picture() -> None:
    picture = torch.rand(2, 3, 32, 32)
    network = UNet((6, 14, 14), (3, 32, 32), width=4, convolutions=1)
    assert torch.equal(network(torch.randn(2, 6, 14, 14), picture), picture)


def test_the_paper_s_sizes_are_eight_blocks_of_six_convolutions() -> None:
    network = UNet((6, 14, 14), (3, 32, 32), PAPER_WIDTH, PAPER_CONVOLUTIONS)
    blocks = [*network.down, *network.up]
    assert len(blocks) == 8
    for block in blocks:
        assert sum(isinstance(layer, nn.Conv2d) for layer in block.modules()) == 6


def test_every_weight_learns() -> None:
    network = UNet((12,), (3, 16, 16), width=4, convolutions=2)
    nn.init.normal_(network.out.weight)
    network(torch.randn(4, 12), torch.rand(4, 3, 16, 16)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())
