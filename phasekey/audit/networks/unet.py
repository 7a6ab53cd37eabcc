"""The image decoder of section 5.1: a U-Net of eight blocks, on top of a picture in closed form."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 4
PAPER_CONVOLUTIONS, PAPER_WIDTH = 6, 64
WIDEST = 8  # times the width of the first level


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


class UNet(nn.Module):
    """Maps (N, C', H', W') and a first picture (N, C, H, W) -> images (N, C, H, W).

    Four blocks that halve the size and four that double it, `convolutions` layers each (the paper: six),
    `width` channels in the first, doubling with each level. The feature's maps are resized to the image, as
    in the paper; vectors (N, D) become maps by a linear layer first. What the blocks return is added to the
    picture, and starts at zero: a network that has learned nothing returns the picture.
    """

    def __init__(
        self, feature: tuple[int, ...], image: tuple[int, int, int], width: int, convolutions: int
    ) -> None:
        super().__init__()
        self.image = image
        self.maps = feature[0] if len(feature) == 3 else width
        self.to_map = nn.Linear(feature[0], width * 64) if len(feature) == 1 else None
        inputs = self.maps + image[0]
        widths = [width * min(2**level, WIDEST) for level in range(LEVELS)]
        self.normalise = nn.BatchNorm2d(inputs)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        before = inputs
        for wide in widths:
            self.down.append(_block(before, wide, convolutions, 2))
            before = wide
        for skipped in [*reversed(widths[:-1]), inputs]:
            # The doubling is the block's end (sub-pixel), so that its layers run at a quarter of the cost.
            wide = width if skipped == inputs else skipped
            self.up.append(
                nn.Sequential(
                    _block(before, wide, convolutions, 1), nn.Conv2d(wide, 4 * wide, 1), nn.PixelShuffle(2)
                )
            )
            before = wide + skipped
        self.out = nn.Conv2d(before, image[0], 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None  # noqa: S101 - mypy
        nn.init.zeros_(self.out.bias)

    def forward(self, feature: Tensor, picture: Tensor) -> Tensor:
        if self.to_map is not None:
            feature = self.to_map(feature).unflatten(1, (self.maps, 8, 8))
        maps = F.interpolate(feature, self.image[1:], mode="bilinear", align_corners=False)
        values = self.normalise(torch.cat([maps, picture], 1))
        skips = []
        for block in self.down:
            skips.append(values)
            values = block(values)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            values = block(values)[:, :, : skip.shape[2], : skip.shape[3]]
            values = torch.cat([values, skip], 1)
        refined: Tensor = picture + self.out(values)
        return refined
