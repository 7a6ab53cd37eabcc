"""Images from a* = Re[x e^{-iθ̂}], for the attacks that decide on an angle first."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F

from phasekey.audit.attack import CurvePoint, Findings, Watch
from phasekey.audit.attackers.angle_estimates import Angles, recovered
from phasekey.audit.attackers.image_decoder import (
    Decoder,
    Pairs,
    images_by,
    new_decoder,
    pairs_of,
    refine,
    sizes,
    train_decoder,
)
from phasekey.audit.attackers.training import pack, unpack
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats, Scene

TUNING = 0.4  # of image_steps, where the right key's decoder is there to start from


def tuning_steps(effort: Effort) -> int:
    """Steps of an attack that starts from the right key's decoder."""
    return max(1, round(TUNING * effort.image_steps))


def features_for(scene: Scene, angles: Angles | None) -> tuple[Floats, Floats, Floats]:
    """a* of the three splits; of a device that does not rotate, what it sent."""
    if angles is None:
        return scene.train.x, scene.validation.x, scene.test.x
    return (
        recovered(scene.train, angles.train),
        recovered(scene.validation, angles.validation),
        recovered(scene.test, angles.test),
    )


def invert(
    scene: Scene, features: tuple[Floats, Floats, Floats], effort: Effort,
    earlier: Mapping[str, Findings], watch: Watch,
) -> Findings:  # fmt: skip
    """Train a decoder on the first split's features, or the right key's further, and decode the last.

    extra: weights of the decoder; validation_rmse, by which attacks that need images choose; unet_sizes.
    """
    training = pairs_of(features[0], scene.train.images[: len(features[0])])
    validation = pairs_of(features[1], scene.validation.images)
    decoder, curve = trained(scene, training, validation, effort, earlier.get("right-key"), watch)
    return decoded(decoder, features[2], validation, effort, curve)


def decoded(
    decoder: Decoder, features: Floats, validation: Pairs, effort: Effort, curve: tuple[CurvePoint, ...]
) -> Findings:
    """Findings of a trained decoder."""
    extra = {
        "weights": pack(decoder),
        "validation_rmse": np.array([error_of(decoder, validation)]),
        "unet_sizes": np.array(sizes(effort)),
    }
    return Findings(images_by(decoder, features), curve=curve, extra=extra)


def trained(
    scene: Scene, training: Pairs, validation: Pairs, effort: Effort, right_key: Findings | None, watch: Watch
) -> tuple[Decoder, tuple[CurvePoint, ...]]:
    """The better of three on validation: the right key's decoder as it is, trained further, with the
    regression of these features beneath it; a new decoder where there is none of the right key."""
    steps = tuning_steps(effort)
    if right_key is None or "weights" not in right_key.extra:
        decoder = new_decoder(scene, effort, tuple(training.features.shape[1:]))
        return decoder, train_decoder(decoder, training, validation, effort, steps, watch)
    known, decoder = restored(scene, effort, right_key), restored(scene, effort, right_key)
    fitted = restored(scene, effort, right_key).picture
    fitted.fit((training.features, training.targets()), (validation.features, validation.targets()))
    if error_of(fitted, validation) < error_of(known.picture, validation):
        decoder.picture = fitted
    curve = refine(
        decoder, lambda rows: (training.features[rows], training.targets(rows)), validation,
        images=len(training), effort=effort, steps=steps, watch=watch,
    )  # fmt: skip
    return min((decoder, known), key=lambda one: error_of(one, validation)), curve


def restored(scene: Scene, effort: Effort, findings: Findings) -> Decoder:
    """The decoder whose weights an earlier attack left."""
    decoder = new_decoder(scene, effort, scene.train.feature.shape[1:])
    unpack(decoder, findings.extra["weights"])
    return decoder.eval()


@torch.no_grad()
def error_of(decoder: torch.nn.Module, pairs: Pairs) -> float:
    """RMSE on [0, 1]."""
    decoder.eval()
    parts = zip(torch.split(pairs.features, 500), torch.split(pairs.images, 500), strict=True)
    total = sum(
        float(F.mse_loss(decoder(features).clamp(0, 1), Pairs(features, images).targets(), reduction="sum"))
        for features, images in parts
    )
    return float(np.sqrt(total / pairs.images.numel()))
