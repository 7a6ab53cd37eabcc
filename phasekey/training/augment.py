"""Augmentation of a batch: pure functions of uint8 images and an explicit generator.

Crops and shifts move whole pixels and mirror images swap them, so images stay uint8 throughout.
"""

from typing import Literal

import torch
from torch import Generator, Tensor

# Largest move in each direction, as a share of the shorter side: 4 pixels of 32, as usual for CIFAR.
CROP_SHARE = 1 / 8
SHIFT_SHARE = 1 / 16  # 2 pixels of 32: a digit stays whole


def augment(images: Tensor, kind: Literal["crop-flip", "shift", "none"], generator: Generator) -> Tensor:
    """Images (N, H, W, C) -> the same shape: `crop-flip` for photographs, `shift` for writing."""
    if kind == "crop-flip":
        return random_flip(random_shift(images, CROP_SHARE, generator), generator)
    if kind == "shift":
        return random_shift(images, SHIFT_SHARE, generator)
    return images


def random_shift(images: Tensor, share: float, generator: Generator) -> Tensor:
    """Shift each image by up to `share` of its shorter side both ways, filling with zeros.

    The same as padding with zeros on all sides and cropping back at a random place.
    """
    count, height, width, _ = images.shape
    most = int(min(height, width) * share)
    padded = torch.nn.functional.pad(images, (0, 0, most, most, most, most))
    offsets = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator).to(images.device)
    rows = (offsets[0] + torch.arange(height, device=images.device)).reshape(count, height, 1)
    columns = (offsets[1] + torch.arange(width, device=images.device)).reshape(count, 1, width)
    sample = torch.arange(count, device=images.device).reshape(count, 1, 1)
    return padded[sample, rows, columns]


def random_flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    flipped = torch.rand(len(images), 1, 1, 1, generator=generator).to(images.device) < 0.5
    return torch.where(flipped, images.flip(2), images)
