"""The paper's second inversion attack, a decoder of x itself, with the angle as a hidden cause."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from phasekey.audit.artefacts import (
    AngleEstimates,
    Artefact,
    PosteriorAngles,
    PosteriorWeights,
    Reconstructions,
    RightKeyDecoder,
)
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_estimates import (
    Traffic,
    angles_like,
    expected_feature,
    mean_direction,
    probabilities,
    recovered,
)
from phasekey.audit.attackers.angle_posterior import known_posterior
from phasekey.audit.attackers.direct_decoder import direct_steps, train_direct, unsure
from phasekey.audit.attackers.image_decoder import (
    Decoder,
    images_by,
    pairs_of,
    refine,
)
from phasekey.audit.attackers.inversion import (
    Inverted,
    decoded,
    error_of,
    features_for,
    invert,
    right_key_decoder,
    tuning_steps,
)
from phasekey.audit.attackers.networks.direct_images import DirectImages
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.training import device, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.canonical_phase import Gauge
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView, Transmissions

Draw = Callable[[Tensor], tuple[Tensor, Tensor]]  # rows of the traffic -> features and images
GRID = 32  # angles of the posterior while the decoder is trained
TURNS = 16  # angles of the mixture


class InversionTwo(Attack):
    """E[I | x] in two networks: p(θ | x), then a U-Net on the feature that it expects of both components.

    A decoy says nothing of the image, so E[I | x] is the mean of dec(Re[x e^{-iφ}]) over φ ~ p(θ | x); for
    the affine part of the decoder that is its value at E[a | x], and the U-Net learns the rest on fresh
    transmissions. Where angles are known to a little, the U-Net learns from features that are off by as much.
    Where they are uncertain, the mean itself and a direct way are tried too, and validation decides. In a
    black box, which hides θ, the U-Net learns from x in a canonical phase.
    """

    name: ClassVar[str] = "inversion-2"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Inversion 2 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3, on both components of x"
    how: ClassVar[str] = "Trains networks that go from both components of x to the image, whatever the angle."
    remedy: ClassVar[str] = "Send a feature narrower than the data, and train against angle attackers."
    needs_white_box: ClassVar[bool] = False
    needs_rotation: ClassVar[bool] = False
    provides: ClassVar[tuple[type[Artefact], ...]] = (Reconstructions,)
    needs: ClassVar[tuple[type[Artefact], ...]] = (PosteriorAngles, PosteriorWeights, RightKeyDecoder)

    def steps(self, effort: Effort) -> int:
        """Of the decoder, and of the direct way where angles are uncertain."""
        return tuning_steps(effort) + direct_steps(effort)

    def run(self, context: Context) -> Findings:
        """Images from both components of x, by whichever way does best on validation."""
        view = context.view
        with seeded(context.seed):
            if not view.rotated:
                return invert(context, features_for(view, None), context.get(RightKeyDecoder)).findings()
            if not view.white_box:
                gauge = Gauge(view.train.x)
                train, validation, test = (
                    gauge.fix(part.x) for part in (view.train, view.validation, view.test)
                )
                return invert(context, (train, validation, test), None).findings()
            return _by_posterior(context).findings()


def _by_posterior(context: Context) -> Inverted:
    view, effort, watch = context.view, context.effort, context.watch
    traffic = Traffic(view)
    posterior = known_posterior(context)
    known = right_key_decoder(context, lambda: traffic.pairs)
    angles = context.get(PosteriorAngles)
    if angles is not None and not unsure(posterior, view.validation):
        draw = _slightly_off(view, traffic, angles)
        splits = recovered(view.validation, angles.validation), recovered(view.test, angles.test)
        watch.advance(direct_steps(effort))
        return _tuned(context, known, traffic, draw, splits)

    def expect(rows: Tensor) -> tuple[Tensor, Tensor]:
        x, _ = traffic.draw(rows)
        feature = expected_feature(x, *mean_direction(probabilities(posterior, x, GRID)))
        return feature, traffic.pairs.targets(rows)

    splits = _expected(posterior, view.validation, effort), _expected(posterior, view.test, effort)
    found = _tuned(context, known, traffic, expect, splits)
    direct = train_direct(view, posterior, traffic, 1, effort, watch)
    return _better(found, (Mixture(posterior, known), First(direct)), view)


def _slightly_off(view: AttackerView, traffic: Traffic, angles: AngleEstimates) -> Draw:
    """Draws of features turned back by angles that err as the estimates do on validation."""
    errors = torch.from_numpy(angles.validation - np.asarray(view.validation.theta)).float().to(device())

    def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
        x, theta = traffic.draw(rows)
        guess = theta + errors[torch.randint(len(errors), (len(rows),), device=x.device)]
        return expected_feature(x, guess.cos(), guess.sin()), traffic.pairs.targets(rows)

    return draw


def _tuned(
    context: Context, known: Decoder, traffic: Traffic, draw: Draw, splits: tuple[Floats, Floats]
) -> Inverted:
    """The right key's decoder trained further on what draw gives, if validation finds it better."""
    effort = context.effort
    validation = pairs_of(splits[0], context.view.validation.images)
    decoder, steps = copy.deepcopy(known), tuning_steps(effort)
    curve = refine(
        decoder, draw, validation, images=len(traffic), effort=effort, steps=steps, watch=context.watch
    )
    decoder = min((decoder, known), key=lambda one: error_of(one, validation))
    return decoded(decoder, splits[1], validation, curve)


def _better(found: Inverted, others: tuple[nn.Module, ...], view: AttackerView) -> Inverted:
    """What was found so far, or the images of the network that does better on validation."""
    held = pairs_of(view.validation.x, view.validation.images)
    errors = [error_of(network, held) for network in others]
    best = int(np.argmin(errors))
    if errors[best] >= found.validation_rmse:
        return found
    return replace(found, images=images_by(others[best], view.test.x), validation_rmse=errors[best])


class First(nn.Module):
    """The one guess of a network that returns lists of guesses."""

    def __init__(self, guesser: DirectImages) -> None:
        super().__init__()
        self.guesser = guesser

    def forward(self, x: Tensor) -> Tensor:
        images: Tensor = self.guesser(x)[:, 0]
        return images


class Mixture(nn.Module):
    """Σ p(θ | x) dec(Re[x e^{-iθ}]): x (N, 2C', ...) -> images, with a decoder of raw features."""

    def __init__(self, posterior: Energies, decoder: Decoder) -> None:
        super().__init__()
        self.posterior, self.decoder = posterior, decoder

    def forward(self, x: Tensor) -> Tensor:
        weights = probabilities(self.posterior, x, TURNS)
        angles = angles_like(TURNS, x)[0]
        turns = (expected_feature(x, angle.cos(), angle.sin()) for angle in angles)
        images = torch.stack([self.decoder(turn).clamp(0, 1) for turn in turns], 1)
        mean: Tensor = (weights[:, :, None, None, None] * images).sum(1)
        return mean


@torch.no_grad()
def _expected(posterior: Energies, samples: Transmissions, effort: Effort) -> Floats:
    """E[a | x] of a split."""
    parts = (part.to(device()) for part in torch.split(torch.from_numpy(samples.x), 500))
    features = [
        expected_feature(x, *mean_direction(probabilities(posterior, x, effort.angles))).cpu() for x in parts
    ]
    return torch.cat(features).numpy()
