"""Attackers on the Gram matrix: label and direction of a feature that a Haar secret hides.

X = QM with Q uniform on O(k) tells exactly what W = XᵀX = aaᵀ + Σ bbᵀ does. The log-likelihood of a feature
after n transmissions is a sum of ln(1 - aᵀW⁻¹a) over their W (posterior.py), which to first order is linear
in the sum of the W⁻¹. So these attackers see of n near-duplicates both sums, of the W and of the W⁻¹; of one
transmission that is W itself.
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
    """Sums of W and W⁻¹, upper triangles (N, D(D+1)), whitened -> class scores (N, K), a direction (N, D)."""

    def __init__(self, values: int, classes: int) -> None:
        super().__init__()
        inputs = values * (values + 1)
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


def transmit(feature: Tensor, law: GramLaw) -> Tensor:
    """Draw what n transmissions of near-duplicates tell.

    Args:
        feature: (N, D).
        law: how it is hidden.

    Returns:
        W of each, (N, n, D, D).
    """
    drawn = []
    for _ in range(law.repeats):
        near = feature + law.spread * torch.randn_like(feature)
        near = near * (feature.norm(dim=1, keepdim=True) / near.norm(dim=1, keepdim=True).clamp_min(1e-12))
        shape = (len(feature), law.components - 1, feature.shape[1])
        decoys = law.sigma * torch.randn(shape, device=feature.device)
        drawn.append(near[:, :, None] * near[:, None, :] + decoys.transpose(1, 2) @ decoys)
    return torch.stack(drawn, dim=1)


def sums_of(w: Tensor) -> Tensor:
    """Sum over transmissions what the network sees: upper triangles of W and of W⁻¹.

    Args:
        w: (N, n, D, D).

    Returns:
        (N, D(D+1)).
    """
    upper = torch.triu_indices(*w.shape[-2:])
    both = (w.sum(1), torch.linalg.inv(w).sum(1))
    return torch.cat([each[:, upper[0], upper[1]] for each in both], dim=1)


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
    scores, direction = network(sums_of(transmit(feature, law)))
    cosine = (direction * F.normalize(feature, dim=1)).sum(1)
    loss: Tensor = F.cross_entropy(scores, labels) + 1 - cosine.square().mean()
    return loss


@torch.no_grad()
def read(network: GramReader, w: Tensor) -> tuple[Floats, Floats]:
    """Guess from W (N, n, D, D): class probabilities (N, K), and a unit vector (N, D) up to its sign."""
    scores, direction = network(sums_of(w).to(device()))
    return scores.softmax(1).cpu().numpy(), direction.cpu().numpy()


@torch.no_grad()
def first_eigenvector(w: Tensor) -> Floats:
    """Guess the direction by the largest eigenvalue of the sum of W: (N, n, D, D) -> (N, D), unit length."""
    axes: Floats = torch.linalg.eigh(w.sum(1))[1][:, :, -1].numpy()
    return axes
