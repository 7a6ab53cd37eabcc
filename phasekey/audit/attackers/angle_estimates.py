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
from phasekey.model.hiding.rotation import rotate


def strongest_angles(context: Context) -> AngleEstimates | None:
    """Of all estimates at hand the one that is closest on the validation split.

    Args:
        context: with the artefacts of earlier attacks.

    Returns:
        The estimates; None where there are none, or where a black box hides θ.
    """
    truth = context.view.validation.theta
    if truth is None:
        return None
    return min(
        context.all(AngleEstimates),
        key=lambda angles: float(circular_error(angles.validation, truth).mean()),
        default=None,
    )


def recovered(samples: Transmissions, angles: NDArray[np.float64]) -> Floats:
    """a* = Re[x e^{-iθ̂}] of a split's first rows, as many as there are estimates.

    Args:
        samples: of N transmissions.
        angles: θ̂ in radians, (M,), M ≤ N.

    Returns:
        (M, C', ...) float32.
    """
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
        """Transmissions of some pairs, each under a new angle and a new decoy.

        Args:
            rows: of the pairs, (N,) int64.

        Returns:
            x (N, 2C', ...) and θ (N,) in radians.
        """
        decoys = self._decoys[torch.randint(len(self._decoys), (len(rows),), device=rows.device)]
        theta = 2 * torch.pi * torch.rand(len(rows), device=rows.device)
        return rotate(self.pairs.features[rows], decoys, theta), theta


@torch.no_grad()
def probabilities(network: Energies, x: Tensor, angles: int) -> Tensor:
    """p(θ | x) on an even grid.

    Args:
        network: of the angle.
        x: (N, 2C', ...).
        angles: how many, K.

    Returns:
        Probabilities (N, K); rows sum to 1.
    """
    return torch.cat([network(part, angles_like(angles, part)).softmax(1) for part in torch.split(x, 500)])


def angles_like(count: int, like: Tensor) -> Tensor:
    """Even angles 2πk/K where another tensor lies.

    Args:
        count: K.
        like: a tensor on the device that is wanted.

    Returns:
        Radians (1, K), float32.
    """
    return torch.arange(count, device=like.device)[None] * (2 * torch.pi / count)


def candidate_angles(count: int) -> Tensor:
    """`grid` where attackers' networks lie, for scores that numpy reads by that grid.

    Args:
        count: K.

    Returns:
        Radians (K,), float32.
    """
    return torch.from_numpy(grid(count)).float().to(device())


def mean_direction(probability: Tensor) -> tuple[Tensor, Tensor]:
    """E[cos θ | x] and E[sin θ | x].

    Args:
        probability: on an even grid, (N, K).

    Returns:
        Two of (N,); the length of both together is 1 where θ is sure, 0 where it is not.
    """
    angles = angles_like(probability.shape[1], probability)
    return (probability * angles.cos()).sum(1), (probability * angles.sin()).sum(1)


def expected_feature(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """E[a | x] = E[cos θ] Re x + E[sin θ] Im x: small where the posterior knows nothing.

    Args:
        x: (N, 2C', ...).
        cos: E[cos θ | x], (N,), or one for all.
        sin: E[sin θ | x], likewise.

    Returns:
        (N, C', ...).
    """
    real, imaginary = x.chunk(2, 1)
    shape = (-1, *[1] * (x.dim() - 1))  # one angle for all, or one each
    return cos.reshape(shape) * real + sin.reshape(shape) * imaginary
