"""Images from a* = Re[x e^{-iθ̂}], for the attacks that decide on an angle first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from phasekey.audit.artefacts import (
    AngleEstimates,
    Artefact,
    Reconstructions,
    RecoveredDecoder,
    RightKeyDecoder,
)
from phasekey.audit.attack import Context, CurvePoint, Findings, Watch
from phasekey.audit.attackers.angle_estimates import recovered
from phasekey.audit.attackers.image_decoder import (
    Decoder,
    Pairs,
    images_by,
    new_decoder,
    pairs_of,
    refine,
    train_decoder,
)
from phasekey.audit.attackers.training import pack, unpack
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView

TUNING = 0.4  # of image_steps, where the right key's decoder is there to start from


def tuning_steps(effort: Effort) -> int:
    """Steps of an attack that starts from the right key's decoder.

    Args:
        effort: the budget.

    Returns:
        Two fifths of `image_steps`, at least 1.
    """
    return max(1, round(TUNING * effort.image_steps))


def features_for(view: AttackerView, angles: AngleEstimates | None) -> tuple[Floats, Floats, Floats]:
    """a* of the three splits; of a device that does not rotate, what it sent.

    Args:
        view: what the attacker holds.
        angles: estimates, or None.

    Returns:
        Arrays (N, C', ...) of train's first rows, validation and test.
    """
    if angles is None:
        return view.train.x, view.validation.x, view.test.x
    return (
        recovered(view.train, angles.train),
        recovered(view.validation, angles.validation),
        recovered(view.test, angles.test),
    )


@dataclass(frozen=True)
class Inverted:
    """What a trained decoder gives.

    Attributes:
        images: of the test split, (N, 1, H, W, C) in [0, 1].
        validation_rmse: on [0, 1].
        weights: all of them in one array.
        curve: of its training.
    """

    images: Floats
    validation_rmse: float
    weights: Floats
    curve: tuple[CurvePoint, ...]

    def findings(self, *others: Artefact) -> Findings:
        """What an attack returns, with the images for attacks that come after.

        Args:
            others: artefacts that it leaves as well.

        Returns:
            Findings with one guess of each image.
        """
        images = Reconstructions(self.images, np.array([self.validation_rmse]))
        return Findings(self.images, curve=self.curve, artefacts=(images, *others))


def invert(
    context: Context, features: tuple[Floats, Floats, Floats], right_key: RightKeyDecoder | None
) -> Inverted:
    """Train a decoder on the first split's features, or the right key's further, and decode the last.

    Args:
        context: of the attack.
        features: of train's first rows, of validation and of test, (N, C', ...).
        right_key: weights to start from, None for a new decoder.

    Returns:
        Images of the test split, and what they come from.
    """
    view = context.view
    training = pairs_of(features[0], view.train.images[: len(features[0])])
    validation = pairs_of(features[1], view.validation.images)
    decoder, curve = trained(view, training, validation, context.effort, right_key, context.watch)
    return decoded(decoder, features[2], validation, curve)


def decoded(decoder: Decoder, features: Floats, validation: Pairs, curve: tuple[CurvePoint, ...]) -> Inverted:
    """What a trained decoder makes of features.

    Args:
        decoder: trained.
        features: (N, C', ...).
        validation: to measure its error on.
        curve: of its training.

    Returns:
        The images with all that is kept of them.
    """
    return Inverted(images_by(decoder, features), error_of(decoder, validation), pack(decoder), curve)


def trained(
    view: AttackerView,
    training: Pairs,
    validation: Pairs,
    effort: Effort,
    right_key: RightKeyDecoder | None,
    watch: Watch,
) -> tuple[Decoder, tuple[CurvePoint, ...]]:
    """The better of three on validation: the right key's decoder as it is, trained further, and that with the
    regression of these features beneath it; a new decoder where there is none of the right key.

    Args:
        view: what the attacker holds.
        training: features and images.
        validation: likewise.
        effort: the budget.
        right_key: weights to start from, or None.
        watch: told of every step.

    Returns:
        The decoder, and the losses of its training.
    """
    steps = tuning_steps(effort)
    if right_key is None:
        decoder = new_decoder(view, effort, tuple(training.features.shape[1:]))
        return decoder, train_decoder(decoder, training, validation, effort, steps, watch)
    known, decoder = restored(view, effort, right_key), restored(view, effort, right_key)
    fitted = restored(view, effort, right_key).picture
    fitted.fit((training.features, training.targets()), (validation.features, validation.targets()))
    if error_of(fitted, validation) < error_of(known.picture, validation):
        decoder.picture = fitted
    curve = refine(
        decoder, lambda rows: (training.features[rows], training.targets(rows)), validation,
        images=len(training), effort=effort, steps=steps, watch=watch,
    )  # fmt: skip
    return min((decoder, known), key=lambda one: error_of(one, validation)), curve


def restored(view: AttackerView, effort: Effort, known: RightKeyDecoder | RecoveredDecoder) -> Decoder:
    """The decoder whose weights an earlier attack left.

    Args:
        view: what the attacker holds.
        effort: the budget, the same as that attack's.
        known: its weights.

    Returns:
        In evaluation mode.
    """
    decoder = new_decoder(view, effort, view.train.feature.shape[1:])
    unpack(decoder, known.weights)
    return decoder.eval()


def right_key_decoder(context: Context, pairs: Callable[[], Pairs]) -> Decoder:
    """The right key's decoder as an earlier attack left it; trained anew where none did.

    Args:
        context: of the attack.
        pairs: gives raw features of the training images, and these; asked where one is trained.

    Returns:
        Features (N, C', ...) -> images (N, C, H, W).
    """
    view, effort, known = context.view, context.effort, context.get(RightKeyDecoder)
    if known is not None:
        return restored(view, effort, known)
    decoder = new_decoder(view, effort, view.train.feature.shape[1:])
    raw = pairs_of(view.validation.feature, view.validation.images)
    train_decoder(decoder, pairs(), raw, effort, tuning_steps(effort), context.watch)
    return decoder


@torch.no_grad()
def error_of(decoder: torch.nn.Module, pairs: Pairs) -> float:
    """Root of the mean square error of a decoder's images, on the scale [0, 1].

    Args:
        decoder: features (N, C', ...) -> images (N, C, H, W).
        pairs: features and true images.

    Returns:
        RMSE over all pixels of all images.
    """
    decoder.eval()
    parts = zip(torch.split(pairs.features, 500), torch.split(pairs.images, 500), strict=True)
    total = sum(
        float(F.mse_loss(decoder(features).clamp(0, 1), Pairs(features, images).targets(), reduction="sum"))
        for features, images in parts
    )
    return float(np.sqrt(total / pairs.images.numel()))
