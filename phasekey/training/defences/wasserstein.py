"""The paper's defence, Eq. 8-9: a Wasserstein critic tells features from wrongly unrotated ones.

Gradient penalty: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", Eq. 3.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from phasekey.model.hiding.rotation import rotate
from phasekey.training.defences.critic import build_critic, clip_weights
from phasekey.training.defences.defence import Defence

PENALTY_WEIGHT = 10.0  # Gulrajani et al., all their experiments
RATE, BETAS = 1e-3, (0.0, 0.9)  # no momentum: the encoder moves under the critic


class WassersteinDefence(Defence):
    """min over g, max over D of E[D(a) - D(a')], a' = Re[(a + ib)e^{iΔθ}], Δθ ~ U(0, π) (Eq. 8).

    Weight clipping fixes D's slope only up to a factor, which can be thousands: the encoder's loss is E[...]
    divided by the slope last measured at the features, where that is above 1. So both kinds weigh alike.

    angles: k; each feature meets k - 1 wrong ones, Δθ drawn afresh for each.
    kind: how D is kept smooth, by gradient penalty `gp` or weight clipping `clip` (the paper's).

    Figures of each step: `critic_gap`, the E[...] above before the update: near 0 the critic sees nothing.
    `critic_gradient`, the mean norm of D's gradient at the features: with `gp` healthy about 1, the goal of
    the penalty; with either, far below 0.1 the critic is flat and teaches the encoder nothing.
    `critic_at_bound` (`clip`), the share of weights that clipping holds: up to about a half is healthy,
    above nine tenths the critic is saturated, a pattern of signs that cannot learn any more.
    """

    slope: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        kind: Literal["clip", "gp"],
        angles: int,
        weight: float = 1.0,
        steps: int = 1,
    ) -> None:
        super().__init__(build_critic(shape), weight=weight, steps=steps, rate=RATE, betas=BETAS)
        self.kind, self.angles = kind, angles
        self.register_buffer("slope", torch.ones(()))
        if kind == "clip":
            clip_weights(self.adversary)

    def _attack(self, feature: Tensor, decoy: Tensor) -> tuple[Tensor, dict[str, float]]:
        right = feature.clone().requires_grad_()
        wrong = wrongly_unrotated(feature, decoy, self.angles - 1)
        scores = self.adversary(right)
        gap = scores.mean() - self.adversary(wrong).mean()
        (slope,) = torch.autograd.grad(scores.sum(), right, retain_graph=True)
        self.slope.copy_(norms(slope).mean())
        figures = {"critic_gap": float(gap.detach()), "critic_gradient": float(self.slope)}
        if self.kind == "clip":
            return -gap, figures
        penalty = gradient_penalty(self.adversary, feature, wrong[: len(feature)])
        return PENALTY_WEIGHT * penalty - gap, figures

    def _after_attack(self) -> dict[str, float]:
        return {"critic_at_bound": clip_weights(self.adversary)} if self.kind == "clip" else {}

    def _leak(self, feature: Tensor, decoy: Tensor) -> Tensor:
        wrong = wrongly_unrotated(feature, decoy, self.angles - 1)
        gap: Tensor = self.adversary(feature).mean() - self.adversary(wrong).mean()
        return gap / self.slope.clamp(min=1.0)


def wrongly_unrotated(feature: Tensor, decoy: Tensor, times: int) -> Tensor:
    """a' = Re[(a + ib)e^{iΔθ}], Δθ ~ U(0, π), drawn for each sample and time: (N, ...) -> (times·N, ...)."""
    repeated = [1] * (feature.dim() - 1)
    feature, decoy = feature.repeat(times, *repeated), decoy.repeat(times, *repeated)
    angle = math.pi * torch.rand(len(feature), device=feature.device)
    return rotate(feature, decoy, angle).chunk(2, dim=1)[0]


def gradient_penalty(critic: nn.Module, right: Tensor, wrong: Tensor) -> Tensor:
    """E[(|∇D(v)| - 1)²] at v on the line between a right and a wrong feature, drawn uniformly on it."""
    share = torch.rand(len(right), *[1] * (right.dim() - 1), device=right.device)
    between = torch.lerp(wrong, right, share.to(right.dtype)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (norms(slope) - 1).square().mean()


def norms(values: Tensor) -> Tensor:
    """Euclidean norm of each sample, (N, ...) -> (N,)."""
    lengths: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return lengths
