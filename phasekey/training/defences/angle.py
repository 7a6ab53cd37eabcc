"""The hardened defence: a network that guesses the angle from x, and an encoder that misleads it.

No equation of the paper; docs/adr/0031 tells where it comes from and what it costs.
"""

import math

import torch
from torch import Tensor, nn

from phasekey.model.hiding.rotation import rotate
from phasekey.training.defences.defence import Defence

# The sign of a may stay hidden where the plane's axes do not: harmonic m sees the angle modulo 2π/m.
HARMONICS = (1, 2, 4)
NAMES = ("angle_error_circle", "angle_error_mod_pi", "angle_error_mod_half_pi")
RATE, BETAS = 1e-3, (0.9, 0.999)
HIDDEN = 512  # units for vectors
CHANNELS = 64
SMALLEST_MAP = 4  # pixels per side, where the convolutions end


class AngleDefence(Defence):
    """max over the encoder of the loss that a network makes at guessing e^{imθ} from x, m = 1, 2, 4.

    The adversary regresses cos mθ and sin mθ, θ ~ U[0, 2π) drawn afresh; the encoder minimises the mean
    of guess · truth, each guess no longer than 1.

    Figures of each step: `angle_error_circle`, `angle_error_mod_pi`, `angle_error_mod_half_pi`, the mean
    errors in radians of harmonics 1, 2 and 4 before the update. Chance is π/2, π/4 and π/8: a healthy
    adversary stays below at least one of them for as long as the encoder leaks; at all three it has lost,
    which says that this adversary sees nothing, not that none would.
    """

    def __init__(self, shape: tuple[int, ...], *, weight: float = 1.0, steps: int = 1) -> None:
        super().__init__(AngleNetwork(shape), weight=weight, steps=steps, rate=RATE, betas=BETAS)

    def _attack(self, feature: Tensor, decoy: Tensor) -> tuple[Tensor, dict[str, float]]:
        guess, theta = self._guess(feature, decoy)
        errors = angle_errors(guess.detach(), theta).tolist()
        figures = dict(zip(NAMES, errors, strict=True))
        return (guess - harmonics(theta)).square().mean(), figures

    def _leak(self, feature: Tensor, decoy: Tensor) -> Tensor:
        guess, theta = self._guess(feature, decoy)
        held = guess / guess.norm(dim=2, keepdim=True).clamp(min=1.0)
        alignment: Tensor = (held * harmonics(theta)).sum(2).mean()
        return alignment

    def _guess(self, feature: Tensor, decoy: Tensor) -> tuple[Tensor, Tensor]:
        theta = 2 * math.pi * torch.rand(len(feature), device=feature.device)
        return self.adversary(rotate(feature, decoy, theta)), theta


class AngleNetwork(nn.Module):
    """x (N, 2C, H, W) or (N, 2D), of unit norm -> guesses of (cos mθ, sin mθ), (N, 3, 2)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale = math.sqrt(math.prod(shape))
        body, outputs = _convolutions(shape) if len(shape) == 3 else _perceptron(shape[0])
        self.body, self.head = body, nn.Linear(outputs, 2 * len(HARMONICS))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2C, ...) -> (N, 3, 2)."""
        guess: Tensor = self.head(self.body(self.scale * x)).reshape(-1, len(HARMONICS), 2)
        return guess


def _perceptron(width: int) -> tuple[nn.Module, int]:
    layers: list[nn.Module] = []
    for inputs in (2 * width, HIDDEN):
        layers += [nn.Linear(inputs, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU()]
    return nn.Sequential(*layers), HIDDEN


def _convolutions(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
    channels, height, width = 2 * shape[0], *shape[1:]
    layers: list[nn.Module] = []
    while not layers or max(height, width) > SMALLEST_MAP:
        layers += [nn.Conv2d(channels, CHANNELS, 3, 2, 1), nn.GroupNorm(1, CHANNELS), nn.ReLU()]
        channels, height, width = CHANNELS, (height + 1) // 2, (width + 1) // 2
    return nn.Sequential(*layers, nn.Flatten()), CHANNELS * height * width


def harmonics(theta: Tensor) -> Tensor:
    """(N,) radians -> (cos mθ, sin mθ) for m = 1, 2, 4: (N, 3, 2)."""
    turned = theta[:, None] * theta.new_tensor(HARMONICS)
    return torch.stack([turned.cos(), turned.sin()], dim=2)


def angle_errors(guess: Tensor, theta: Tensor) -> Tensor:
    """Mean circular error of guesses (N, 3, 2) of each harmonic, in radians of θ itself: (3,).

    For harmonic m the error lies between 0 and π/m; a constant guess scores π/2m.
    """
    orders = theta.new_tensor(HARMONICS)
    difference = torch.atan2(guess[..., 1], guess[..., 0]) - theta[:, None] * orders
    return (torch.atan2(difference.sin(), difference.cos()).abs() / orders).mean(0)
