"""The decoy source that a bundle usually ships: synthetic images from a Gaussian law of the training images.

The decoy of a sample is b = g(I') with I' drawn here from fresh noise. Nothing of a finite pool is
shipped: a pool lets an attacker test each member against the plane that x spans (docs/adr/0005).
"""

from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.model.errors import ModelError

NOISE_SIZE = 64
# Larger images are drawn small and enlarged: components of 224 × 224 would outweigh the encoder.
LARGEST_SIDE = 32
LARGEST_FIT = 2000  # images; the principal components of more hardly differ
CHUNK = 256  # images shrunk at a time: 2,000 of 224 × 224 as floats take 1.2 GB


class ImageRows(Protocol):
    """Images uint8 (N, H, W, C): a tensor, a numpy array, or what decodes rows when it is sliced."""

    @property
    def shape(self) -> Any:
        """Images, height, width and channels: (N, H, W, C)."""

    def __getitem__(self, rows: slice, /) -> Any: ...


class ImageSampler(nn.Module):
    """Draws images from noise: clip(mean + noise · components), noise (N, Z) ~ N(0, I).

    Its components are principal components of images, and not those that a secret mixes.

    Args:
        image: (C, H, W) of what it draws.
        noise_size: Z, the principal components that are kept.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, image: tuple[int, int, int], noise_size: int = NOISE_SIZE) -> None:
        super().__init__()
        channels, height, width = image
        self.image, self.noise_size = image, noise_size
        self.drawn = (channels, min(height, LARGEST_SIDE), min(width, LARGEST_SIDE))
        size = channels * self.drawn[1] * self.drawn[2]
        self.register_buffer("mean", torch.full((size,), 0.5))
        self.register_buffer("components", torch.zeros(noise_size, size))

    @property
    def fitted(self) -> bool:
        """Whether images differ from one another: before `fit`, every noise gives the same grey one."""
        return bool(self.components.any())

    @torch.no_grad()
    def fit(self, images: ImageRows) -> None:
        """Take mean and principal components of training images; deterministic.

        Args:
            images: uint8 (N, H, W, C), N ≥ 2, of the network's size: a tensor, a numpy array, or the
                `images` of a data set's split. At most 2,000 are used, evenly spaced.

        Raises:
            ModelError: images of another shape or type, or too few.
        """
        channels, height, width = self.image
        shape = tuple(images.shape)
        if shape[1:] != (height, width, channels) or shape[0] < 2:
            raise ModelError(
                f"decoys are fitted to two images or more of shape (N, {height}, {width}, {channels}), that "
                f"is (N, H, W, C); got {shape}"
            )
        step = -(-shape[0] // LARGEST_FIT)  # to the last image: folders come sorted by class
        chosen = torch.as_tensor(np.ascontiguousarray(images[::step]))
        if chosen.dtype != torch.uint8:
            raise ModelError(f"decoys are fitted to images of type uint8, 0 to 255; got {chosen.dtype}")
        parts = torch.split(chosen.to(self.mean.device), CHUNK)
        flat = torch.cat([self._shrink(part) for part in parts]).flatten(1)
        mean = flat.mean(0)
        _, spread, directions = torch.linalg.svd(flat - mean, full_matrices=False)
        kept = min(self.noise_size, len(spread))
        self.mean.copy_(mean)
        self.components.zero_()
        self.components[:kept] = directions[:kept] * (spread[:kept, None] / max(1, len(flat) - 1) ** 0.5)

    def _shrink(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2).float() / 255
        if pixels.shape[1:] == self.drawn:
            return pixels
        return F.interpolate(pixels, self.drawn[1:], mode="bilinear", antialias=True)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (N, Z) -> images (N, C, H, W) in [0, 1]."""
        images = (self.mean + noise @ self.components).clamp(0, 1).reshape(-1, *self.drawn)
        if self.drawn != self.image:
            images = F.interpolate(images, self.image[1:], mode="bilinear", align_corners=False)
        return images
