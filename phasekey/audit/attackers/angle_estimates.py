"""Angles for attacks that come after: estimates of earlier ones, and what a posterior expects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phasekey.audit.attack import Findings
from phasekey.audit.attackers.image_decoder import Pairs, with_mirrors
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.training import device
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats, Samples, Scene
from phasekey.model.rotation import rotate


@dataclass(frozen=True)
class Angles:
    """Estimates in radians, (N,): of all of validation and test, and of the first ones of train."""

    name: str
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    test: NDArray[np.float64]


def angles_of(name: str, findings: Findings) -> Angles | None:
    """The estimates that an attack left for others; None where it left none for the whole circle."""
    if not {"train", "validation"} <= findings.extra.keys() or findings.period < 2 * np.pi - 1e-9:
        return None
    test = findings.extra.get("angles", findings.estimate)
    if test.ndim != 1:
        return None
    splits = (
        np.asarray(part, np.float64) for part in (findings.extra["train"], findings.extra["validation"], test)
    )
    return Angles(name, *splits)


def strongest_angles(
    scene: Scene, earlier: Mapping[str, Findings], without: tuple[str, ...] = ()
) -> Angles | None:
    """Of all estimates the one that is closest on the validation split; None where there is none."""
    found = [angles_of(name, findings) for name, findings in earlier.items() if name not in without]
    truth = scene.validation.theta
    if truth is None:
        return None
    here = [angles for angles in found if angles is not None]
    return min(here, key=lambda angles: _error(angles.validation, truth), default=None)


def _error(estimate: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.abs(np.angle(np.exp(1j * (estimate - truth)))).mean())


def recovered(samples: Samples, angles: NDArray[np.float64]) -> Floats:
    """a* = Re[x e^{-iθ̂}] of a split's first rows, as many as there are estimates."""
    return unrotate(samples.x[: len(angles)], angles)


class Traffic:
    """Transmissions of the training images and their mirror images, drawn anew: new angles and decoys."""

    def __init__(self, scene: Scene) -> None:
        if scene.train.decoy is None:
            raise ValueError("a device that rotates is needed; ask why_not first")
        self.pairs: Pairs = with_mirrors(scene)
        self._decoys = torch.from_numpy(scene.train.decoy).to(device())

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


def mean_direction(probability: Tensor) -> tuple[Tensor, Tensor]:
    """E[cos θ | x], E[sin θ | x]: (N, K) -> two of (N,)."""
    angles = angles_like(probability.shape[1], probability)
    return (probability * angles.cos()).sum(1), (probability * angles.sin()).sum(1)


def expected_feature(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """E[a | x] = E[cos θ] Re x + E[sin θ] Im x: small where the posterior knows nothing."""
    real, imaginary = x.chunk(2, 1)
    shape = (-1, *[1] * (x.dim() - 1))  # one angle for all, or one each
    return cos.reshape(shape) * real + sin.reshape(shape) * imaginary
