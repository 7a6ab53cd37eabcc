"""What images look like, as a generator of few numbers, and a stand-in for encoders without a gradient."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LATENT = 128
BASE = 4  # pixels of the smallest map
WIDEST, RIDGE = 4096, 1e-2  # pixels up to which a regression is solved; its penalty


class ImagePrior(nn.Module):
    """A variational autoencoder (Kingma and Welling 2014) that begins as principal components of images.

    Args:
        images: known ones, (N, C, H, W) in [0, 1], of which the components are taken.
        width: channels of the largest map.
    """

    mean: Tensor
    basis: Tensor
    inverse: Tensor

    def __init__(self, images: Tensor, width: int) -> None:
        super().__init__()
        self.shape = tuple(images.shape[1:])
        flat = images.flatten(1)
        count = min(LATENT, len(flat) - 1, flat.shape[1])
        mean = flat.mean(0)
        _, sizes, axes = torch.pca_lowrank(flat - mean, q=count, center=False)
        deviation = (sizes / len(flat) ** 0.5).clamp_min(1e-6)
        self.latent = count
        self.register_buffer("mean", mean)
        self.register_buffer("basis", deviation[:, None] * axes.T)
        self.register_buffer("inverse", axes / deviation)
        channels = self.shape[0]
        self.down = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.GELU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.GELU(),
            nn.AdaptiveAvgPool2d(BASE), nn.Flatten(),
            nn.Linear(2 * width * BASE**2, 2 * count),
        )  # fmt: skip
        self.up = nn.Sequential(
            nn.Linear(count, 4 * width * BASE**2), nn.GELU(), nn.Unflatten(1, (4 * width, BASE, BASE)),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1), nn.GELU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.GELU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
        )  # fmt: skip
        _silence(self.down)
        _silence(self.up)

    def images(self, latent: Tensor) -> Tensor:
        """Generate: (N, Z) -> (N, C, H, W), in [0, 1] but for what sticks out a little."""
        drawn = self.up(latent)
        if tuple(drawn.shape[1:]) != self.shape:
            drawn = F.interpolate(drawn, self.shape[1:], mode="bilinear", align_corners=False)
        found: Tensor = (self.mean + latent @ self.basis).reshape(-1, *self.shape) + drawn
        return found

    def law(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Infer: images (N, C, H, W) -> mean and log-variance of the latent, (N, Z) each."""
        mean, spread = self.down(images).chunk(2, 1)
        return (images.flatten(1) - self.mean) @ self.inverse + mean, (spread - 4).clamp(-8, 4)

    def loss(self, images: Tensor) -> Tensor:
        """Negative evidence bound, nats per pixel up to a constant; Gaussian pixels of deviation .1."""
        mean, spread = self.law(images)
        again = self.images(mean + (0.5 * spread).exp() * torch.randn_like(mean))
        misfit = 50 * (again - images).square().flatten(1).sum(1)
        divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1)
        bound: Tensor = (misfit + divergence).mean() / images[0].numel()
        return bound


class StandIn(nn.Module):
    """Images (N, C, H, W) -> features (N, F): a linear map and a small network on top.

    Args:
        image: (C, H, W).
        values: F.
        width: channels of its first map.
    """

    def __init__(self, image: tuple[int, int, int], values: int, width: int) -> None:
        super().__init__()
        pixels = image[0] * image[1] * image[2]
        self.linear = nn.Linear(pixels, values)
        self.body = nn.Sequential(
            nn.Conv2d(image[0], width, 5, 2, 2), nn.GELU(), nn.Conv2d(width, 2 * width, 5, 2, 2), nn.GELU(),
            nn.AdaptiveAvgPool2d(BASE), nn.Flatten(), nn.Linear(2 * width * BASE**2, values),
        )  # fmt: skip
        _silence(self.body)

    @torch.no_grad()
    def begin(self, images: Tensor, feature: Tensor) -> None:
        """Start from a ridge regression of features (N, F) on pixels (N, C, H, W), where that is small."""
        flat = images.flatten(1)
        if flat.shape[1] > WIDEST:
            return
        mean, centre = flat.mean(0), feature.mean(0)
        product = (flat - mean).T @ (flat - mean)
        loaded = product + RIDGE * product.diagonal().mean() * torch.eye(len(product), device=flat.device)
        weight = torch.linalg.solve(loaded, (flat - mean).T @ (feature - centre))
        self.linear.weight.copy_(weight.T)
        self.linear.bias.copy_(centre - mean @ weight)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.linear(images.flatten(1)) + self.body(images)
        return found


@torch.no_grad()
def _silence(layers: nn.Sequential) -> None:
    """Let the last layer begin at zero: what stands beside the network is where training starts."""
    for parameter in layers[-1].parameters():
        parameter.zero_()
