"""What images look like, as a generator of few numbers, and a stand-in for encoders without a gradient."""

import torch
from torch import Tensor, nn

LATENT = 128
BASE = 4  # pixels of the smallest map
WIDEST, RIDGE = 4096, 1e-2  # pixels up to which a regression is solved; its penalty


class ImagePrior(nn.Module):
    """A Gaussian of images: their mean and first principal components, as latents N(0, I).

    A variational autoencoder on top gained nothing at this size (docs/adr/0075).

    Args:
        images: known ones, (N, C, H, W) in [0, 1].
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.shape = tuple(images.shape[1:])
        flat = images.flatten(1)
        self.latent = min(LATENT, len(flat) - 1, flat.shape[1])
        mean = flat.mean(0)
        _, sizes, axes = torch.pca_lowrank(flat - mean, q=self.latent, center=False)
        self.register_buffer("mean", mean)
        self.register_buffer("basis", (sizes / len(flat) ** 0.5).clamp_min(1e-6)[:, None] * axes.T)

    def images(self, latent: Tensor) -> Tensor:
        """Generate: (N, Z) -> (N, C, H, W), in [0, 1] but for what sticks out a little."""
        found: Tensor = (self.mean + latent @ self.basis).reshape(-1, *self.shape)
        return found


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
