"""The critic D: a feature to a number, the higher the more it looks right (section 5.1, Appendix B)."""

import math

import torch
from torch import Tensor, nn

from phasekey.model.layers.equivariant import Residual

HIDDEN = 256  # units of the critic of vectors
# Weights are clipped at this over √(inputs of a unit), the range that torch draws first weights from. Under
# the constant 0.01 of Arjovsky et al. 2017, which leans on batch norm, nearly all would start at the bound.
BOUND = 1.0


class Critic(nn.Module):
    """Input layer, residual block of two layers with a skip, output layer to one number per sample.

    Features come with unit norm, so they are first scaled to values of order one.
    """

    def __init__(self, size: int, body: nn.Module, outputs: int) -> None:
        super().__init__()
        self.scale = math.sqrt(size)
        self.body, self.score = body, nn.Linear(outputs, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Features (N, ...) of unit norm -> scores (N,)."""
        score: Tensor = self.score(self.body(self.scale * feature).flatten(1)).squeeze(1)
        return score


def build_critic(shape: tuple[int, ...]) -> Critic:
    """For maps (C, H, W) convolutions of C channels, like the generator; for vectors (D,) linear layers.

    No batch norm: the gradient penalty is one of single samples.
    """
    size = math.prod(shape)
    if len(shape) == 3:
        layers = [nn.Conv2d(shape[0], shape[0], 3, padding=1) for _ in range(3)]
        return Critic(size, _body(*layers), size)
    return Critic(size, _body(nn.Linear(size, HIDDEN), *[nn.Linear(HIDDEN, HIDDEN) for _ in "ab"]), HIDDEN)


def _body(first: nn.Module, second: nn.Module, third: nn.Module) -> nn.Module:
    block = nn.Sequential(second, nn.LeakyReLU(0.2), third)
    return nn.Sequential(first, nn.LeakyReLU(0.2), Residual(block, nn.Identity()), nn.LeakyReLU(0.2))


@torch.no_grad()
def clip_weights(critic: nn.Module) -> float:
    """Clip all weights and biases, layer by layer; the share of weights that are then at their bound."""
    held = total = 0
    for layer in critic.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = BOUND / math.sqrt(layer.weight[0].numel())
            for values in layer.parameters():
                values.clamp_(-bound, bound)
            held += int((layer.weight.abs() >= bound * (1 - 1e-6)).sum())
            total += layer.weight.numel()
    return held / total
