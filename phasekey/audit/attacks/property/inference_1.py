"""A classifier of raw images, fed reconstructions."""

from typing import ClassVar

import numpy as np

from phasekey.audit.artefacts import Artefact, Reconstructions, RightKeyDecoder
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.classifiers import (
    Classes,
    classes_by,
    image_classifier,
    mirrored,
    train_classifier,
)
from phasekey.audit.attackers.image_decoder import images_by
from phasekey.audit.attackers.inference import channels_first, strongest_inversion
from phasekey.audit.attackers.inversion import restored
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.scene.scene import Floats, Samples


class InferenceOne(Attack):
    """Needs no features to train on: whoever has images and their property can do it."""

    name: ClassVar[str] = "inference-1"
    leak: ClassVar[Leak] = "property"
    title: ClassVar[str] = "Inference 1 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = "Trains a classifier on raw images and shows it the strongest inversion's images."
    remedy: ClassVar[str] = (
        "Take the property out of the feature itself: an encoder trained against its classifier."
    )
    needs_rotation: ClassVar[bool] = False
    needs: ClassVar[tuple[type[Artefact], ...]] = (Reconstructions, RightKeyDecoder)

    def steps(self, effort: Effort) -> int:
        """Steps of the classifier's training."""
        return effort.inference_steps

    def run(self, context: Context) -> Findings:
        """reference: what the same classifier says of the right key's images."""
        view = context.view
        inversion = strongest_inversion(self, context)
        with seeded(context.seed):
            classifier = image_classifier(view, context.effort)
            curve = train_classifier(
                classifier, (_raw(view.train), view.train.property),
                (_raw(view.validation), view.validation.property), context.effort, context.watch, mirrored,
            )  # fmt: skip
        guess = classes_by(classifier, channels_first(inversion.images))
        right_key = context.get(RightKeyDecoder)
        if right_key is None:
            return Findings(guess, curve=curve)

        def unhidden(truth: Samples) -> Classes:
            decoder = restored(view, context.effort, right_key)
            return classes_by(classifier, channels_first(images_by(decoder, truth.feature)))

        return Findings(guess, curve=curve, unhidden=unhidden)


def _raw(samples: Samples) -> Floats:
    return np.ascontiguousarray(unit(samples.images).transpose(0, 3, 1, 2))
