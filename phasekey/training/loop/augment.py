"""Augmentation of a batch: pure functions of uint8 images and an explicit generator.

Crops and shifts move whole pixels and mirror images swap them; resized crops are rounded. So images stay
uint8 throughout.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phasekey.training.data.dataset import Augment

# Largest move in each direction, as a share of the shorter side: 4 pixels of 32, as usual for CIFAR.
CROP_SHARE = 1 / 8
SHIFT_SHARE = 1 / 16  # 2 pixels of 32: a digit stays whole
# Of a resized crop, as Szegedy et al. (2015), section 6: its share of the area, and width to height.
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)


def augment(images: Tensor, kind: Augment, generator: Generator) -> Tensor:
    """Change each image at random.

    Args:
        images: uint8 (N, H, W, C).
        kind: `crop-flip` for small photographs, `resized-crop-flip` for large ones, `flip` for mirror images
            alone, `shift` for writing.
        generator: of random numbers.

    Returns:
        Like the images.
    """
    if kind == "resized-crop-flip":
        images = random_resized_crop(images, generator)
    if kind in {"crop-flip", "shift"}:
        images = random_shift(images, CROP_SHARE if kind == "crop-flip" else SHIFT_SHARE, generator)
    if kind in {"crop-flip", "resized-crop-flip", "flip"}:
        images = random_flip(images, generator)
    return images


def random_shift(images: Tensor, share: float, generator: Generator) -> Tensor:
    """Shift each image by up to `share` of its shorter side both ways, filling with zeros.

    The same as padding with zeros on all sides and cropping back at a random place.
    """
    count, height, width, _ = images.shape
    most = int(min(height, width) * share)
    padded = F.pad(images, (0, 0, most, most, most, most))
    offsets = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator).to(images.device)
    rows = (offsets[0] + torch.arange(height, device=images.device)).reshape(count, height, 1)
    columns = (offsets[1] + torch.arange(width, device=images.device)).reshape(count, 1, width)
    sample = torch.arange(count, device=images.device).reshape(count, 1, 1)
    return padded[sample, rows, columns]


def random_resized_crop(images: Tensor, generator: Generator) -> Tensor:
    """Cut a rectangle of random area, shape and place from each image, and scale it to the whole size.

    Area and ratio are drawn as AREA and RATIO say, the ratio by its logarithm; sides that would exceed the
    image are cut to it. Bilinear; as it only ever enlarges, it needs no filter.
    """
    count = len(images)
    area, ratio, x, y = torch.rand(4, count, generator=generator).to(images.device)
    area = AREA[0] + (AREA[1] - AREA[0]) * area
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = torch.exp(low + (high - low) * ratio)
    width, height = ((area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1))
    zero = torch.zeros_like(area)
    # Coordinates run from -1 to 1: a rectangle of share s has its centre within ±(1 - s).
    across = torch.stack([width, zero, (1 - width) * (2 * x - 1)], dim=1)
    down = torch.stack([zero, height, (1 - height) * (2 * y - 1)], dim=1)
    pixels = images.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(pixels.shape), align_corners=False)
    crops = F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return crops.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def random_flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    flipped = torch.rand(len(images), 1, 1, 1, generator=generator).to(images.device) < 0.5
    return torch.where(flipped, images.flip(2), images)
