"""The family of plain networks among which the best one of a device's operations is looked for."""

import torch
from torch import nn

from phasekey.model.counting import count_operations

DEPTHS = (1, 2, 3)
WIDEST = 256  # channels of the first convolution


class PlainNetwork(nn.Sequential):
    """Convolutions 3 × 3 of stride 2 that double their channels, mean over positions, linear.

    Args:
        image: (C, H, W).
        classes: how many.
        depth: convolutions.
        width: channels of the first.
    """

    def __init__(self, image: tuple[int, int, int], classes: int, depth: int, width: int) -> None:
        layers: list[nn.Module] = []
        before = image[0]
        for level in range(depth):
            after = width * 2**level
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        pooled = 4 if min(image[1:]) >> depth >= 4 else 1  # 4 × 4 regions where the map holds them
        layers += [nn.AdaptiveAvgPool2d(pooled), nn.Flatten(), nn.Linear(before * pooled**2, classes)]
        super().__init__(*layers)
        self.depth, self.width = depth, width
        self.description = f"{depth} convolution{'s' * (depth > 1)} of stride 2 from {width} channels"


def widest(image: tuple[int, int, int], classes: int, depth: int, budget: int) -> PlainNetwork | None:
    """Build the widest network of a depth within a budget of operations; None where none fits.

    Its weights hang on the depth alone, not on torch's random state.
    """
    low, high = 0, WIDEST
    while low < high:  # operations rise with the width
        middle = (low + high + 1) // 2
        with torch.device("meta"):
            fits = operations(PlainNetwork(image, classes, depth, middle), image) <= budget
        low, high = (middle, high) if fits else (low, middle - 1)
    if not low:
        return None
    with torch.random.fork_rng():
        torch.manual_seed(depth)
        return PlainNetwork(image, classes, depth, low)


def operations(network: nn.Module, image: tuple[int, int, int]) -> int:
    """Count those of one image; the network stays in its mode."""
    training, device = network.training, next(network.parameters()).device
    count = count_operations(network, torch.zeros(1, *image, device=device))
    network.train(training)
    return count
