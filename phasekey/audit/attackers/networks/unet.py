"""The image decoder of section 5.1: a U-Net of eight blocks, on top of a picture in closed form."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 4
PAPER_CONVOLUTIONS, PAPER_WIDTH = 6, 64
WIDEST = 2  # times the width of the first level, where a budget is short
MAP = 8  # side of the maps that vectors become
HIDDEN = 512  # units before that


def _block(inputs: int, width: int, convolutions: int, stride: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convolutions):
        first = index == 0
        layers += [
            nn.Conv2d(inputs if first else width, width, 3, stride if first else 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _vector_to_map(values: int, width: int) -> nn.Sequential:
    """A hidden layer before the map: what a vector says of an image is seldom affine."""
    return nn.Sequential(nn.Linear(values, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width * MAP**2))


class UNet(nn.Module):
    """Maps (N, C', H', W') and a first picture (N, C, H, W) -> images (N, C, H, W).

    Four blocks that halve the size and four that double it, `convolutions` layers each (the paper: six),
    `width` channels in the first, doubling with each level at the paper's width; narrower ones double once,
    as features are local and deep levels add least. The feature's maps are resized to the image, as in the
    paper; vectors (N, D) become maps by two linear layers first. What the blocks return is added to the
    picture, and starts at zero: a network that has learned nothing returns the picture.

    Every doubling ends its block (sub-pixel), and the finest skip is folded to half the size, so that all
    layers run at half the image's size or less: a quarter of the cost.
    """

    def __init__(
        self, feature: tuple[int, ...], image: tuple[int, int, int], width: int, convolutions: int
    ) -> None:
        super().__init__()
        channels, *sides = image
        self.sides = [-(-side // 2**LEVELS) * 2**LEVELS for side in sides]
        self.maps = feature[0] if len(feature) == 3 else width
        self.to_map = _vector_to_map(feature[0], width) if len(feature) == 1 else None
        inputs = self.maps + channels
        widest = 2 ** (LEVELS - 1) if width >= PAPER_WIDTH else WIDEST
        widths = [width * min(2**level, widest) for level in range(LEVELS)]
        self.normalise = nn.BatchNorm2d(inputs)
        self.down = nn.ModuleList(
            _block(before, wide, convolutions, 2)
            for before, wide in zip([inputs, *widths], widths, strict=False)
        )
        deepest, *skipped = reversed(widths)
        self.up, self.enlarge = nn.ModuleList(), nn.ModuleList()
        for wide in skipped:
            self.up.append(_block(deepest, wide, convolutions, 1))
            self.enlarge.append(nn.Sequential(nn.Conv2d(wide, 4 * wide, 1), nn.PixelShuffle(2)))
            deepest = 2 * wide
        self.up.append(_block(deepest, width, convolutions, 1))
        self.out = nn.Conv2d(width + 4 * inputs, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def forward(self, feature: Tensor, picture: Tensor) -> Tensor:
        if self.to_map is not None:
            feature = self.to_map(feature).unflatten(1, (self.maps, MAP, MAP))
        values = self.normalise(torch.cat([self._resized(feature), self._resized(picture)], 1))
        finest, skips = F.pixel_unshuffle(values, 2), []
        for block in self.down:
            values = block(values)
            skips.append(values)
        skips.pop()
        for block, enlarge in zip(self.up, self.enlarge, strict=False):
            values = torch.cat([enlarge(block(values)), skips.pop()], 1)
        change = F.pixel_shuffle(self.out(torch.cat([self.up[-1](values), finest], 1)), 2)
        if change.shape != picture.shape:
            change = F.interpolate(change, picture.shape[2:], mode="bilinear", align_corners=False)
        return picture + change

    def _resized(self, maps: Tensor) -> Tensor:
        if list(maps.shape[2:]) == self.sides:
            return maps
        return F.interpolate(maps, self.sides, mode="bilinear", align_corners=False)
