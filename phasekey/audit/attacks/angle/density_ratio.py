"""A regularised search through the circle: at which angle does x look most like a feature?"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.audit.artefacts import Artefact, SearchedAngles, SearchedFolds, SearchedPosterior
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_estimates import Traffic, angles_like
from phasekey.audit.attackers.training import device, fit, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import best_guess, grid, softmax
from phasekey.audit.numerics.whitening import spectrum
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView

KNOWN = 8_000  # training transmissions whose angle is estimated for the attacks that come after
CANDIDATES = 8  # angles that a step tells apart
WIDTH, DROPOUT, DECAY = 256, 0.1, 0.05
PART = 200  # transmissions at a time, of which all angles are scored
STEPS, BATCH = 3 / 2, 3  # times those of the angle network: the curve still fell at fewer
# For long the loss stays that of a guess. Few steps get past that at twice the rate, if images are many.
RATE, LONG = 2e-3, 2_400


class DensityRatio(Attack):
    """θ̂ from a score r(v) of v = Re[x e^{-iφ}], trained to tell the right angle among eight.

    Bayes' rule gives p(φ | x) ∝ q(v) / n(v), q the law of features and n that of what else v may be; the
    score that tells the right angle best is ln q/n (van den Oord et al. 2018, section 2.3), so its softmax
    over a fine grid is the posterior. Mirror images, dropout and weight decay keep it from learning the
    training images by heart. Made for narrow features; on wide ones the angle network needs fewer steps.
    """

    name: ClassVar[str] = "density-ratio"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Density-ratio search"
    source: ClassVar[str] = "after Gutmann and Hyvärinen 2010, van den Oord et al. 2018"
    how: ClassVar[str] = (
        "A regularised network scores how much x, turned back by each angle, looks like a feature."
    )
    remedy: ClassVar[str] = (
        "More components than the feature has values (--mode bounded): then no angle is left to find."
    )
    provides: ClassVar[tuple[type[Artefact], ...]] = (SearchedAngles, SearchedFolds, SearchedPosterior)

    def steps(self, effort: Effort) -> int:
        """Count the steps of the training."""
        return int(STEPS * effort.angle_steps)

    def run(self, context: Context) -> Findings:
        """See Attack.run."""
        view, effort = context.view, context.effort
        with seeded(context.seed):
            network = _Ratio(view.train)
            traffic, check = Traffic(view), view.validation
            curve = fit(
                network, lambda net, rows: _loss(net, *traffic.draw(rows)), lambda net: _held_out(net, check),
                images=len(traffic), steps=self.steps(effort), batch=BATCH * effort.batch,
                rate=_rate(self.steps(effort)), decay=DECAY, watch=context.watch,
            )  # fmt: skip
        posteriors = {name: _posterior(network, x, effort.angles) for name, x in _sent(view).items()}
        folded = (best_guess(posteriors["test"], fold) for fold in (2, 4))
        angles = SearchedAngles(**{name: best_guess(values) for name, values in posteriors.items()})
        posterior = SearchedPosterior(posteriors["validation"], posteriors["test"])
        return Findings(angles.test, curve=curve, artefacts=(angles, SearchedFolds(*folded), posterior))


def _rate(steps: int) -> float:
    """The learning rate, twice as large where steps are few."""
    return RATE * min(2.0, max(1.0, LONG / steps))


def _sent(view: AttackerView) -> dict[str, Floats]:
    return {"test": view.test.x, "validation": view.validation.x, "train": view.train.x[:KNOWN]}


class _Ratio(nn.Module):
    """x (N, 2C, ...), angles (N, A) -> scores (N, A) of Re[x e^{-iφ}], seen in white coordinates."""

    white: Tensor
    centre: Tensor

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        feature = samples.feature.reshape(len(samples), -1)
        mean = feature.mean(0)
        white = spectrum(feature - mean, centred=False).whitening()
        self.register_buffer("white", torch.from_numpy(white.T.copy()))
        self.register_buffer("centre", torch.from_numpy(mean @ white.T))
        layers: list[nn.Module] = []
        for before in (white.shape[0], WIDTH, WIDTH):
            layers += [nn.Linear(before, WIDTH), nn.GELU(), nn.Dropout(DROPOUT)]
        self.layers = nn.Sequential(*layers, nn.Linear(WIDTH, 1))

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        real, imaginary = (half.flatten(1) @ self.white for half in x.chunk(2, 1))
        cos, sin = angles.cos()[..., None], angles.sin()[..., None]
        turned = cos * real[:, None] + sin * imaginary[:, None] - self.centre
        scores: Tensor = self.layers(turned)[..., 0]
        return scores


def _loss(network: nn.Module, x: Tensor, theta: Tensor) -> Tensor:
    """Cross entropy of the right angle, the first of an even grid that holds it."""
    scores = network(x, theta[:, None] + angles_like(CANDIDATES, x))
    return F.cross_entropy(scores, torch.zeros(len(x), dtype=torch.long, device=x.device))


def _held_out(network: nn.Module, samples: Samples) -> float:
    assert samples.theta is not None  # noqa: S101 - why_not left out scenes without rotation
    x, theta = (torch.from_numpy(part).float().to(device()) for part in (samples.x, samples.theta))
    parts = zip(torch.split(x, PART), torch.split(theta, PART), strict=True)
    return float(np.mean([float(_loss(network, *part)) for part in parts]))


@torch.no_grad()
def _posterior(network: nn.Module, x: Floats, angles: int) -> Floats:
    """p(θ | x) of transmissions (N, 2C, ...) on an even grid: (N, A)."""
    candidates = torch.from_numpy(grid(angles)).float().to(device())
    parts = torch.split(torch.from_numpy(np.ascontiguousarray(x)).to(device()), PART)
    scores = [network(part, candidates.expand(len(part), -1)).cpu() for part in parts]
    return softmax(torch.cat(scores).numpy())
