"""Angles for attacks that come after: estimates of earlier ones, and what a posterior expects."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phasekey.audit.artefacts import AngleEstimates
from phasekey.audit.attack import Context
from phasekey.audit.attackers.image_decoder import Pairs, with_mirrors
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.training import device
from phasekey.audit.numerics.circle import grid
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView, Transmissions
from phasekey.model.rotation import rotate


def strongest_angles(context: Context) -> AngleEstimates | None:
    """Of all estimates at hand the one that is closest on the validation split; None where there is none."""
    truth = context.view.validation.theta
    if truth is None:
        return None
    return min(
        context.all(AngleEstimates),
        key=lambda angles: float(circular_error(angles.validation, truth).mean()),
        default=None,
    )


def recovered(samples: Transmissions, angles: NDArray[np.float64]) -> Floats:
    """a* = Re[x e^{-iθ̂}] of a split's first rows, as many as there are estimates."""
    return unrotate(samples.x[: len(angles)], angles)


class Traffic:
    """Transmissions of the training images and their mirror images, drawn anew: new angles and decoys."""

    def __init__(self, view: AttackerView) -> None:
        if view.train.decoy is None:
            raise ValueError("a device that rotates is needed; ask why_not first")
        self.pairs: Pairs = with_mirrors(view)
        self._decoys = torch.from_numpy(view.train.decoy).to(device())

    def __len__(self) -> int:
        return len(self.pairs)

    def draw(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, 2C', ...) and θ (N,) for rows of the pairs."""
        decoys = self._decoys[torch.randint(len(self._decoys), (len(rows),), device=rows.device)]
        theta = 2 * torch.pi * torch.rand(len(rows), device=rows.device)
        return rotate(self.pairs.features[rows], decoys, theta), theta


@torch.no_grad()
def probabilities(network: Energies, x: Tensor, angles: int) -> Tensor:
    """p(θ | x) on an even grid: x (N, 2C', ...) -> (N, angles)."""
    return torch.cat([network(part, angles_like(angles, part)).softmax(1) for part in torch.split(x, 500)])


def angles_like(count: int, like: Tensor) -> Tensor:
    """Even angles 2πk/K where another tensor lies, (1, K)."""
    return torch.arange(count, device=like.device)[None] * (2 * torch.pi / count)


def candidate_angles(count: int) -> Tensor:
    """`grid` where attackers' networks lie, (count,) float32: for scores that numpy reads by that grid."""
    return torch.from_numpy(grid(count)).float().to(device())


def mean_direction(probability: Tensor) -> tuple[Tensor, Tensor]:
    """E[cos θ | x], E[sin θ | x]: (N, K) -> two of (N,)."""
    angles = angles_like(probability.shape[1], probability)
    return (probability * angles.cos()).sum(1), (probability * angles.sin()).sum(1)


def expected_feature(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """E[a | x] = E[cos θ] Re x + E[sin θ] Im x: small where the posterior knows nothing."""
    real, imaginary = x.chunk(2, 1)
    shape = (-1, *[1] * (x.dim() - 1))  # one angle for all, or one each
    return cos.reshape(shape) * real + sin.reshape(shape) * imaginary
