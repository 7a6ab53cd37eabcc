"""The decoy source that a bundle usually ships: synthetic images from a Gaussian law of the training images.

The decoy of a sample is b = g(I') with I' drawn here from fresh noise. Nothing of a finite pool is
shipped: a pool lets an attacker test each member against the plane that x spans (docs/adr/0005).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NOISE_SIZE = 64
# Larger images are drawn small and enlarged: components of 224 × 224 would outweigh the encoder.
LARGEST_SIDE = 32
LARGEST_FIT = 2000  # images; the principal components of more hardly differ
CHUNK = 256  # images shrunk at a time: 2,000 of 224 × 224 as floats take 1.2 GB


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

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Take mean and principal components of images; deterministic.

        Args:
            images: (N, H, W, C) uint8; of more than 2,000, evenly spaced ones.
        """
        step = -(-len(images) // LARGEST_FIT)  # to the last image: folders come sorted by class
        parts = torch.split(images[::step], CHUNK)
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
