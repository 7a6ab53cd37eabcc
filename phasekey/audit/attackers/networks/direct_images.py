"""Images straight from x: a perceptron whose guesses are coefficients of principal images."""

import torch
from torch import Tensor, nn

from phasekey.audit.attackers.networks.linear_picture import enlarged, shrunk


class DirectImages(nn.Module):
    """x (N, 2C', ...) -> guesses (N, T, C, H, W).

    white: (D, K), a linear view of both components. mean and basis (P, C·h·w): principal images. start: the
    coefficients (T, P) that every guess starts from, before the network has learned anything.
    image: (C, H, W).
    """

    white: Tensor
    mean: Tensor
    basis: Tensor

    def __init__(
        self, white: Tensor, principal: tuple[Tensor, Tensor], start: Tensor, image: tuple[int, int, int],
        width: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.image, self.guesses = image, len(start)
        self.register_buffer("white", white)
        self.register_buffer("mean", principal[0])
        self.register_buffer("basis", principal[1])
        last = nn.Linear(width, start.numel())
        with torch.no_grad():
            last.weight *= 0.1
            last.bias.copy_(start.flatten())
        self.layers = nn.Sequential(
            nn.Linear(2 * white.shape[1], width), nn.LayerNorm(width), nn.GELU(),
            nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), last,
        )  # fmt: skip

    def coefficients(self, x: Tensor) -> Tensor:
        """The guesses as coefficients of principal images.

        Args:
            x: (N, 2C', ...).

        Returns:
            (N, T, P).
        """
        views = [half.flatten(1) @ self.white for half in x.chunk(2, 1)]
        found: Tensor = self.layers(torch.cat(views, 1))
        return found.reshape(len(x), self.guesses, -1)

    def project(self, images: Tensor) -> Tensor:
        """Coefficients of images.

        Args:
            images: (N, C, H, W) in [0, 1].

        Returns:
            (N, P).
        """
        return (shrunk(images, self.image).flatten(1) - self.mean) @ self.basis.T

    def forward(self, x: Tensor) -> Tensor:
        flat = self.mean + self.coefficients(x).flatten(0, 1) @ self.basis
        return enlarged(flat, self.image).reshape(len(x), self.guesses, *self.image)
