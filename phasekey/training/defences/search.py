"""The hardened defence of vectors: a learned phase search, and an encoder that leaves it nothing to find.

No equation of the paper; docs/adr/0032 tells where it comes from, what it reached and what it costs.
"""

import math

import torch
from torch import Tensor, nn

from phasekey.training.defences.defence import Defence
from phasekey.training.defences.sliced import distance_to_gaussian

ANGLES = 8  # the right one and seven wrong, drawn afresh for each sample
HIDDEN = 256
# No momentum to speak of: both sides move (Radford et al. 2016 take 0.5).
RATE, BETAS = 1e-3, (0.5, 0.99)
# R1 of Mescheder et al. 2018: without it, the encoder lost task and angle alike (docs/adr/0032).
SLOPE_WEIGHT = 2.0
# Of margin and distance beside a --defence-weight of 1: the weight at which docs/adr/0032 was measured.
LEAK_WEIGHT = 12.0
LEAST_MARGIN = -2.0  # nats; an attacker that is wrong by more is no better for the encoder


class SearchDefence(Defence):
    """max over the encoder of the loss that a search through angles makes at telling which is right.

    Where a and b are independent, log p(θ | x) = r(Re[x e^{-iθ}]) + s(Im[x e^{-iθ}]) + const: the search
    learns r and s, and so is the best that any attacker can do on x alone, as far as its networks reach.
    A decoy that is exactly N(0, I) needs no s. The encoder minimises the margin of the right angle over the
    wrong ones, and beside it the sliced distance of its features to N(0, I), at which r is constant.

    gaussian: whether decoys are N(0, I).
    Figure of each step: `angle_information`, what it knows of the angle in nats: log 8 less its cross-entropy
    over 8 angles. At 0 or below this search sees nothing, which says no more than that; 2.08 is all.
    """

    def __init__(
        self, shape: tuple[int, ...], *, gaussian: bool, weight: float = 1.0, steps: int = 1
    ) -> None:
        super().__init__(
            Search(math.prod(shape), both=not gaussian), weight=weight, steps=steps, rate=RATE, betas=BETAS
        )

    def _attack(self, feature: Tensor, decoy: Tensor) -> tuple[Tensor, dict[str, float]]:
        scores = self.adversary(*candidates(feature, decoy))
        lost = -scores.log_softmax(0)[0].mean()
        figures = {"angle_information": math.log(ANGLES) - float(lost.detach())}
        return lost + 0.5 * SLOPE_WEIGHT * self._slope(feature, decoy), figures

    def _slope(self, feature: Tensor, decoy: Tensor) -> Tensor:
        """E‖∇(r, s)‖² at the right angle, in values of order one."""
        sides = [side.clone().requires_grad_() for side in (feature, decoy)]
        score = self.adversary(*sides).sum()
        slopes = torch.autograd.grad(score, sides, create_graph=True, allow_unused=True)
        squares = [slope.square().flatten(1).sum(1) for slope in slopes if slope is not None]
        slope: Tensor = torch.stack(squares).sum(0).mean() / feature[0].numel()
        return slope

    def _leak(self, feature: Tensor, decoy: Tensor) -> Tensor:
        scores = self.adversary(*candidates(feature, decoy))
        margin = scores[0] - scores[1:].logsumexp(0) + math.log(ANGLES - 1)
        scaled = math.sqrt(feature[0].numel()) * feature
        leak: Tensor = margin.clamp(min=LEAST_MARGIN).mean() + distance_to_gaussian(scaled)
        return LEAK_WEIGHT * leak


class Search(nn.Module):
    """What a candidate for a, and where `both` the one for b, says of being right: (..., D) -> (...)."""

    def __init__(self, width: int, *, both: bool) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.real = Score(width)
        self.imaginary = Score(width) if both else None

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Re and Im of x e^{-iθ'}, each of unit norm, to the log-likelihood of θ' but for a constant."""
        score: Tensor = self.real(self.scale * real)
        return score if self.imaginary is None else score + self.imaginary(self.scale * imaginary)


class Score(nn.Module):
    """A perceptron of two hidden layers, and squares beside it, which tell variances at once."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, HIDDEN), nn.LeakyReLU(0.2),
            nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2),
            nn.Linear(HIDDEN, 1),
        )  # fmt: skip
        self.squares = nn.Linear(width, 1, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Vectors (..., D) -> scores (...), nats."""
        score: Tensor = self.layers(values) + self.squares(values.square())
        return score.squeeze(-1)


def candidates(feature: Tensor, decoy: Tensor) -> tuple[Tensor, Tensor]:
    """Re and Im of (a + ib)e^{iφ}, φ = 0 first, then from U[0, 2π): (N, D) -> (ANGLES, N, D) each."""
    phi = 2 * math.pi * torch.rand(ANGLES, len(feature), 1, device=feature.device)
    phi[0] = 0.0
    cos, sin = phi.cos(), phi.sin()
    return cos * feature - sin * decoy, sin * feature + cos * decoy
