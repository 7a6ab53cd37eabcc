"""The paper's second inversion attack, a decoder of x itself, with the angle as a hidden cause."""

import copy
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.angle_estimates import (
    Angles,
    Traffic,
    angles_like,
    angles_of,
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
    new_decoder,
    pairs_of,
    refine,
    train_decoder,
)
from phasekey.audit.attackers.inversion import decoded, error_of, features_for, invert, restored, tuning_steps
from phasekey.audit.attackers.networks.direct_images import DirectImages
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.training import device, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.canonical_phase import Gauge
from phasekey.audit.scene.scene import Floats, Samples, Scene

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
    after: ClassVar[tuple[str, ...]] = ("angle-network", "right-key")

    def steps(self, effort: Effort) -> int:
        """Of the decoder, and of the direct way where angles are uncertain."""
        return tuning_steps(effort) + direct_steps(effort)

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """See `inverting.invert`."""
        with seeded(seed):
            if not scene.rotated:
                return invert(scene, features_for(scene, None), effort, earlier, watch)
            if scene.box == "black":
                gauge = Gauge(scene.train.x)
                splits = (scene.train, scene.validation, scene.test)
                train, validation, test = (gauge.fix(samples.x) for samples in splits)
                return invert(scene, (train, validation, test), effort, {}, watch)
            return _by_posterior(scene, effort, earlier, watch)


def _by_posterior(scene: Scene, effort: Effort, earlier: Mapping[str, Findings], watch: Watch) -> Findings:
    traffic = Traffic(scene)
    posterior = known_posterior(scene, effort, earlier.get("angle-network"), watch)
    known = _right_key(scene, effort, traffic, earlier.get("right-key"), watch)
    angles = angles_of("angle-network", earlier["angle-network"]) if "angle-network" in earlier else None
    if angles is not None and not unsure(posterior, scene.validation):
        draw = _slightly_off(scene, traffic, angles)
        splits = recovered(scene.validation, angles.validation), recovered(scene.test, angles.test)
        watch.advance(direct_steps(effort))
        return _tuned(scene, effort, known, traffic, draw, splits, watch)

    def expect(rows: Tensor) -> tuple[Tensor, Tensor]:
        x, _ = traffic.draw(rows)
        feature = expected_feature(x, *mean_direction(probabilities(posterior, x, GRID)))
        return feature, traffic.pairs.targets(rows)

    splits = _expected(posterior, scene.validation, effort), _expected(posterior, scene.test, effort)
    findings = _tuned(scene, effort, known, traffic, expect, splits, watch)
    direct = train_direct(scene, posterior, traffic, 1, effort, watch)
    return _better(findings, (Mixture(posterior, known), First(direct)), scene)


def _slightly_off(scene: Scene, traffic: Traffic, angles: Angles) -> Draw:
    """Draws of features turned back by angles that err as the estimates do on validation."""
    errors = torch.from_numpy(angles.validation - np.asarray(scene.validation.theta)).float().to(device())

    def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
        x, theta = traffic.draw(rows)
        guess = theta + errors[torch.randint(len(errors), (len(rows),), device=x.device)]
        return expected_feature(x, guess.cos(), guess.sin()), traffic.pairs.targets(rows)

    return draw


def _tuned(
    scene: Scene, effort: Effort, known: Decoder, traffic: Traffic, draw: Draw,
    splits: tuple[Floats, Floats], watch: Watch,
) -> Findings:  # fmt: skip
    """The right key's decoder trained further on what draw gives, if validation finds it better."""
    validation = pairs_of(splits[0], scene.validation.images)
    decoder, steps = copy.deepcopy(known), tuning_steps(effort)
    curve = refine(decoder, draw, validation, images=len(traffic), effort=effort, steps=steps, watch=watch)
    decoder = min((decoder, known), key=lambda one: error_of(one, validation))
    return decoded(decoder, splits[1], validation, effort, curve)


def _better(findings: Findings, others: tuple[nn.Module, ...], scene: Scene) -> Findings:
    """What was found so far, or the images of the network that does better on validation."""
    held = pairs_of(scene.validation.x, scene.validation.images)
    errors = [error_of(network, held) for network in others]
    best = int(np.argmin(errors))
    if errors[best] >= float(findings.extra["validation_rmse"][0]):
        return findings
    extra = {**findings.extra, "validation_rmse": np.array([errors[best]])}
    return Findings(images_by(others[best], scene.test.x), curve=findings.curve, extra=extra)


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


def _right_key(
    scene: Scene, effort: Effort, traffic: Traffic, findings: Findings | None, watch: Watch
) -> Decoder:
    if findings is not None:
        return restored(scene, effort, findings)
    decoder = new_decoder(scene, effort, scene.train.feature.shape[1:])
    raw = pairs_of(scene.validation.feature, scene.validation.images)
    train_decoder(decoder, traffic.pairs, raw, effort, tuning_steps(effort), watch)
    return decoder


@torch.no_grad()
def _expected(posterior: Energies, samples: Samples, effort: Effort) -> Floats:
    """E[a | x] of a split."""
    parts = (part.to(device()) for part in torch.split(torch.from_numpy(samples.x), 500))
    features = [
        expected_feature(x, *mean_direction(probabilities(posterior, x, effort.angles))).cpu() for x in parts
    ]
    return torch.cat(features).numpy()
