"""The paper's second inversion attack, a decoder of x itself, with the angle as a hidden cause."""

import copy
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from phasekey.audit.angle_posterior import known_posterior
from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.decoding import Decoder, images_by, new_decoder, pairs_of, refine, train_decoder
from phasekey.audit.effort import Effort
from phasekey.audit.gauge import Gauge
from phasekey.audit.inverting import decoded, error_of, features_for, invert, restored, tuning_steps
from phasekey.audit.learning import device, seeded
from phasekey.audit.networks.energies import Energies
from phasekey.audit.phases import (
    Traffic,
    angles_like,
    expected_feature,
    mean_direction,
    probabilities,
)
from phasekey.audit.scene import Floats, Samples, Scene

GRID = 32  # angles of the posterior while the decoder is trained
TURNS = 16  # angles of the mixture
SURE = 0.9  # length of E[e^{iθ} | x], from which on one decoded image will do


class InversionTwo(Attack):
    """E[I | x] in two networks: p(θ | x), then a U-Net on the feature that it expects of both components.

    A decoy says nothing of the image, so E[I | x] is the mean of dec(Re[x e^{-iφ}]) over φ ~ p(θ | x); for
    the affine part of the decoder that is its value at E[a | x], and the U-Net learns the rest on fresh
    transmissions. Where angles are uncertain the mean itself is tried too, and validation decides. In a
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
        """Of the decoder."""
        return tuning_steps(effort)

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
    decoder = copy.deepcopy(known)
    validation = pairs_of(_expected(posterior, scene.validation, effort), scene.validation.images)

    def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
        x, _ = traffic.draw(rows)
        feature = expected_feature(x, *mean_direction(probabilities(posterior, x, GRID)))
        return feature, traffic.pairs.targets(rows)

    steps = tuning_steps(effort)
    curve = refine(decoder, draw, validation, images=len(traffic), effort=effort, steps=steps, watch=watch)
    decoder = min((decoder, known), key=lambda one: error_of(one, validation))
    findings = decoded(decoder, _expected(posterior, scene.test, effort), validation, effort, curve)
    mixture = Mixture(posterior, known)
    if not _unsure(posterior, scene.validation):
        return findings
    error = error_of(mixture, pairs_of(scene.validation.x, scene.validation.images))
    if error >= float(findings.extra["validation_rmse"][0]):
        return findings
    extra = {**findings.extra, "validation_rmse": np.array([error])}
    return Findings(images_by(mixture, scene.test.x), curve=curve, extra=extra)


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


def _unsure(posterior: Energies, samples: Samples) -> bool:
    """Whether the mixture is worth its time: a sharp posterior has one decoder's image in it."""
    cos, sin = mean_direction(probabilities(posterior, torch.from_numpy(samples.x).to(device()), GRID))
    return float((cos.square() + sin.square()).sqrt().mean()) < SURE


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
