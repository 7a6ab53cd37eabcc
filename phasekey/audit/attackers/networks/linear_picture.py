"""A picture by ridge regression: the closed form that every decoder of features starts from."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_SIDE = 32  # pixels of a side that the regression returns; the picture is enlarged from there
LARGEST_FEATURE = 4096  # values of the feature that it looks at; wider maps are averaged down to that
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # times the features' mean variance


def small_size(image: tuple[int, int, int]) -> tuple[int, int, int]:
    """The size of what a regression returns: no side is larger than 32 pixels.

    Args:
        image: (C, H, W).

    Returns:
        (C, h, w).
    """
    channels, height, width = image
    return channels, min(height, LARGEST_SIDE), min(width, LARGEST_SIDE)


def shrunk(images: Tensor, image: tuple[int, int, int]) -> Tensor:
    """Images at the size of `small_size`.

    Args:
        images: (N, C, H, W).
        image: (C, H, W) of one.

    Returns:
        (N, C, h, w).
    """
    small = small_size(image)
    if images.shape[1:] == small:
        return images
    return F.interpolate(images, small[1:], mode="bilinear", antialias=True)


def enlarged(flat: Tensor, image: tuple[int, int, int]) -> Tensor:
    """The reverse of `shrunk`, of flattened images.

    Args:
        flat: (N, C·h·w).
        image: (C, H, W) that is wanted.

    Returns:
        (N, C, H, W), interpolated.
    """
    small = small_size(image)
    images = flat.reshape(-1, *small)
    if image == small:
        return images
    return F.interpolate(images, image[1:], mode="bilinear", align_corners=False)


class LinearPicture(nn.Module):
    """a (N, C', ...) -> images (N, C, H, W): affine from the flattened feature to each pixel.

    feature: (C', ...) of one sample; image: (C, H, W).
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, feature: tuple[int, ...], image: tuple[int, int, int]) -> None:
        super().__init__()
        self.image, pixels = image, math.prod(small_size(image))
        self.factor = 1
        while len(feature) == 3 and self._values(feature) > LARGEST_FEATURE:
            self.factor *= 2
        self.register_buffer("weight", torch.zeros(self._values(feature), pixels))
        self.register_buffer("bias", torch.zeros(pixels))

    def _values(self, feature: tuple[int, ...]) -> int:
        values = feature[0]
        for side in feature[1:]:
            values *= -(-side // self.factor)
        return values

    def _flat(self, feature: Tensor) -> Tensor:
        if self.factor > 1:
            feature = F.avg_pool2d(feature, self.factor, ceil_mode=True)
        return feature.flatten(1)

    def forward(self, feature: Tensor) -> Tensor:
        return enlarged(self._flat(feature) @ self.weight + self.bias, self.image)

    @torch.no_grad()
    def fit(self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> None:
        """Least squares with the ridge penalty that is best on validation.

        Args:
            training: features (N, C', ...) and images (N, C, H, W).
            validation: likewise.
        """
        inputs, targets = self._flat(training[0]), shrunk(training[1], self.image).flatten(1)
        mean, centre = inputs.double().mean(0).float(), targets.double().mean(0).float()
        inputs = inputs - mean
        gram, cross = inputs.T @ inputs, inputs.T @ (targets - centre)
        held, wanted = self._flat(validation[0]) - mean, shrunk(validation[1], self.image).flatten(1)
        scale, best = gram.diagonal().mean().clamp_min(1e-12), float("inf")
        for penalty in PENALTIES:
            loaded = gram + penalty * scale * torch.eye(len(gram), device=gram.device)
            factor, failed = torch.linalg.cholesky_ex(loaded)
            if int(failed):  # singular in float32: a larger penalty follows
                continue
            weight = torch.cholesky_solve(cross, factor)
            error = float((held @ weight + centre - wanted).square().mean())
            if error < best:
                best = error
                self.weight.copy_(weight)
                self.bias.copy_(centre - mean @ weight)
