"""How likely every angle is for a transmission, by a network that turns as the transmission does."""

import math

import torch
from torch import Tensor, nn

WHITENED = 1024  # directions of the feature that the network looks at
FLOOR = 1e-4  # of the largest variance; directions below are not enlarged further


class Posterior(nn.Module):
    """x (N, 2C', ...) and angles (N or 1, K) -> scores (N, K), whose softmax over angles is p(θ | x).

    The score of an angle is a network of x e^{-iφ}, so a turned transmission has the same scores, turned:
    nothing about rotations has to be learned. The first layer is linear, so both components pass it once.
    feature: values of a, flattened. width: of the hidden layer.
    """

    basis: Tensor

    def __init__(self, feature: int, width: int) -> None:
        super().__init__()
        kept = min(feature, WHITENED)
        self.register_buffer("basis", torch.zeros(feature, kept))
        self.of_real = nn.Linear(kept, width, bias=False)
        self.of_imaginary = nn.Linear(kept, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width // 4), nn.ReLU(), nn.Linear(width // 4, 1)
        )

    @torch.no_grad()
    def whiten(self, x: Tensor) -> None:
        """Take the directions of most energy, each scaled to one, from transmissions (N, 2C', ...)."""
        flat = torch.cat([half.flatten(1) for half in x.chunk(2, 1)])
        if self.basis.shape[0] > 2 * WHITENED:  # too many to decompose: random directions of them
            self.basis.normal_().div_(flat.square().sum(1).mean().sqrt())
            return
        energy, directions = torch.linalg.eigh((flat.T @ flat / len(flat)).double())
        energy = energy.clamp_min(FLOOR * float(energy[-1]) + 1e-12)
        kept = self.basis.shape[1]
        self.basis.copy_((directions / energy.sqrt())[:, -kept:])

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        real, imaginary = (half.flatten(1) @ self.basis for half in x.chunk(2, 1))
        # x e^{-iφ} = (cos φ·R + sin φ·I) + i (cos φ·I - sin φ·R)
        one = self.of_real(real) + self.of_imaginary(imaginary)
        other = self.of_real(imaginary) - self.of_imaginary(real)
        cos, sin = angles.cos()[..., None], angles.sin()[..., None]
        scores: Tensor = self.head(cos * one[:, None] + sin * other[:, None] + self.bias)[..., 0]
        return scores


def grid(count: int, like: Tensor) -> Tensor:
    """Evenly spaced angles, (1, count)."""
    return torch.arange(count, device=like.device)[None] * (2 * math.pi / count)
