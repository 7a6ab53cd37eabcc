"""Attackers on the Gram matrix: label and direction of a feature that a Haar secret hides.

X = QM with Q uniform on O(k) tells exactly what W = XᵀX = aaᵀ + Σ bbᵀ does. The likelihood of a feature after
n transmissions is the product of 0F1(k/2; aᵀW a / 4σ⁴) over their W (noncentral Wishart law, Muirhead
1982, theorem 10.3.2), and 0F1(k/2; z) = 1 + 2z/k + …, so where a transmission tells little it depends on
the W through their sum alone. That sum is what these attackers see of n near-duplicates.
A direction is found up to its sign, which W does not hold. The naive twin is the first eigenvector of W.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Watch
from phasekey.audit.attackers.training import device, fit, seeded

Floats = NDArray[np.float32]
WIDTH, DROPOUT, RATE, DECAY, BATCH = 256, 0.1, 2e-3, 0.05, 512


@dataclass(frozen=True)
class GramLaw:
    """By what law a device hides a feature.

    Attributes:
        components: k.
        sigma: σ of Gaussian decoys.
        repeats: n, near-duplicates of one feature that are seen together.
        spread: how far near-duplicates lie apart: standard deviation of each value, before the length is set
            back to that of the feature.
    """

    components: int
    sigma: float
    repeats: int = 1
    spread: float = 0.0


class GramReader(nn.Module):
    """Sum of W, upper triangle (N, D(D+1)/2), whitened -> class scores (N, K) and a direction (N, D)."""

    def __init__(self, values: int, classes: int) -> None:
        super().__init__()
        inputs = values * (values + 1) // 2
        self.classes = classes
        self.layers = nn.Sequential(
            nn.BatchNorm1d(inputs, affine=False),
            nn.Linear(inputs, WIDTH), nn.GELU(), nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Dropout(DROPOUT),
            nn.Linear(WIDTH, classes + values),
        )  # fmt: skip

    def forward(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        out = self.layers(sums)
        return out[:, : self.classes], F.normalize(out[:, self.classes :], dim=1)


def seen(feature: Tensor, law: GramLaw) -> Tensor:
    """Draw what an attacker sees of n transmissions: sums of W, upper triangle.

    Args:
        feature: (N, D).
        law: how it is hidden.

    Returns:
        (N, D(D+1)/2).
    """
    values = feature.shape[1]
    total = torch.zeros(len(feature), values, values, device=feature.device)
    for _ in range(law.repeats):
        near = feature + law.spread * torch.randn_like(feature)
        near = near * (feature.norm(dim=1, keepdim=True) / near.norm(dim=1, keepdim=True).clamp_min(1e-12))
        decoys = law.sigma * torch.randn(len(feature), law.components - 1, values, device=feature.device)
        total += near[:, :, None] * near[:, None, :] + decoys.transpose(1, 2) @ decoys
    upper = torch.triu_indices(values, values)
    return total[:, upper[0], upper[1]]


def train_reader(
    feature: Floats, labels: NDArray[np.int64], classes: int, law: GramLaw, *, steps: int, seed: int,
    watch: Watch,
) -> tuple[GramReader, tuple[CurvePoint, ...]]:  # fmt: skip
    """Train on fresh transmissions of known features; a tenth of them, drawn at random, is held out.

    Args:
        feature: (N, D), of images that the attacker has, in any order.
        labels: (N,).
        classes: how many.
        law: how the device hides.
        steps: of training.
        seed: of torch's random numbers.
        watch: told of every step.

    Returns:
        The network and its curve: cross entropy plus one minus the squared cosine, in training and held out.
    """
    with seeded(seed):
        order = torch.randperm(len(feature))
        known, truth = (torch.from_numpy(part)[order].to(device()) for part in (feature, labels))
        held = len(known) // 10
        network = GramReader(feature.shape[1], classes)
        curve = fit(
            network, lambda net, rows: _loss(net, known[held + rows], truth[held + rows], law),
            lambda net: float(_loss(net, known[:held], truth[:held], law)),
            images=len(known) - held, steps=steps, batch=BATCH, rate=RATE, decay=DECAY, watch=watch,
        )  # fmt: skip
    return network, curve


def _loss(network: nn.Module, feature: Tensor, labels: Tensor, law: GramLaw) -> Tensor:
    scores, direction = network(seen(feature, law))
    cosine = (direction * F.normalize(feature, dim=1)).sum(1)
    loss: Tensor = F.cross_entropy(scores, labels) + 1 - cosine.square().mean()
    return loss


@torch.no_grad()
def read(network: GramReader, sums: Tensor) -> tuple[NDArray[np.int64], Floats]:
    """Guess class (N,) and direction (N, D), a unit vector up to its sign, from sums of W."""
    scores, direction = network(sums.to(device()))
    return scores.argmax(1).cpu().numpy(), direction.cpu().numpy()


@torch.no_grad()
def first_eigenvector(sums: Tensor, values: int) -> Floats:
    """Guess the direction by the eigenvector of W's largest eigenvalue: no training. (N, D), unit length."""
    upper = torch.triu_indices(values, values)
    whole = torch.zeros(len(sums), values, values)
    whole[:, upper[0], upper[1]] = sums
    whole[:, upper[1], upper[0]] = sums
    axes: Floats = torch.linalg.eigh(whole)[1][:, :, -1].numpy()
    return axes
