"""The paper's own attack on the angle: ask a discriminator which turn of x looks like a feature."""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.audit.artefacts import Artefact, DiscriminatorAngles
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_estimates import candidate_angles
from phasekey.audit.attackers.training import Bank, device, fit, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import TURN, Angles, mean_angle, sharpest
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.model.hiding.rotation import unrotate

PART = 100  # transmissions at a time, of which all angles are scored
KNOWN = 4_000  # training transmissions whose angle is estimated for the attacks that come after


class DiscriminatorAngle(Attack):
    """θ̂ = argmax over θ' of D'(Re[x e^{-iθ'}]), D' trained to tell a from Re[x e^{-iθ'}] at wrong θ'.

    A constant offset that validation shows is taken away. Of the training split, 4,000 are estimated.
    """

    name: ClassVar[str] = "discriminator-angle"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Angle by a discriminator"
    source: ClassVar[str] = "Xiang et al. 2020, section 3.2"
    how: ClassVar[str] = (
        "A network learns to tell features from wrongly turned ones; the best looking turn wins."
    )
    remedy: ClassVar[str] = "The paper's adversarial training aims at this attacker, and at no other."

    provides: ClassVar[tuple[type[Artefact], ...]] = (DiscriminatorAngles,)

    def steps(self, effort: Effort) -> int:
        """Steps of the discriminator's training."""
        return effort.angle_steps

    def run(self, context: Context) -> Findings:
        """Train the discriminator, ask it at every angle, and take its constant offset away."""
        view, effort = context.view, context.effort
        with seeded(context.seed):
            bank, check = Bank(view.train), Bank(view.validation)
            scale = float(bank.feature.std()) + 1e-6
            network = Discriminator(bank.feature[0].numel(), effort.angle_width, scale)
            curve = fit(
                network, lambda net, rows: _loss(net, bank, rows),
                lambda net: float(_loss(net, check, torch.arange(len(check), device=device()))),
                images=len(bank), steps=effort.angle_steps, batch=effort.batch, watch=context.watch,
            )  # fmt: skip
        splits = {"train": view.train.x[:KNOWN], "validation": view.validation.x, "test": view.test.x}
        found = {name: _search(network, x, effort.angles) for name, x in splits.items()}
        offset = _offset(found["validation"], view.validation)
        angles = DiscriminatorAngles(**{name: (angles - offset) % TURN for name, angles in found.items()})
        return Findings(angles.test, curve=curve, artefacts=(angles,))


def _offset(found: Angles, samples: Samples) -> float:
    """How far the best looking turn is from the right one on average: (a + b)/√2 may look better than a."""
    assert samples.theta is not None  # noqa: S101 - why_not left out scenes without rotation
    return mean_angle(found - samples.theta)


class Discriminator(nn.Module):
    """Feature (N, C, ...) -> how real it looks, (N,)."""

    def __init__(self, inputs: int, width: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, width), nn.LeakyReLU(0.2),
            nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1),
        )  # fmt: skip

    def forward(self, feature: Tensor) -> Tensor:
        score: Tensor = self.layers(feature / self.scale)[:, 0]
        return score


def _loss(network: nn.Module, bank: Bank, rows: Tensor) -> Tensor:
    """Logistic loss on features, and on fresh transmissions turned back by an angle that is wrong."""
    x, _ = bank.draw(rows)
    real, wrong = network(bank.feature[rows]), network(x.chunk(2, 1)[0])
    return F.softplus(-real).mean() + F.softplus(wrong).mean()


@torch.no_grad()
def _search(network: nn.Module, x: Floats, angles: int) -> Angles:
    """The angle at which each transmission (N, 2C, ...) looks most like a feature, (N,)."""
    network.eval()
    candidates = candidate_angles(angles)
    scores = []
    for part in torch.split(torch.from_numpy(x).to(device()), PART):
        turned = unrotate(part.repeat_interleave(angles, 0), candidates.repeat(len(part)))
        scores.append(network(turned).reshape(len(part), angles).cpu().numpy())
    return sharpest(np.concatenate(scores))
