"""A classifier of raw images, fed reconstructions."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.classifiers import classes_by, image_classifier, mirrored, train_classifier
from phasekey.audit.attackers.inference import INVERSIONS, channels_first, strongest_inversion
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats, Samples, Scene


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
    after: ClassVar[tuple[str, ...]] = INVERSIONS

    def steps(self, effort: Effort) -> int:
        """Of the classifier."""
        return effort.inference_steps

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """reference: what the same classifier says of the right key's images."""
        inversion = strongest_inversion(self, earlier)
        with seeded(seed):
            classifier = image_classifier(scene, effort)
            curve = train_classifier(
                classifier, (_raw(scene.train), scene.train.property),
                (_raw(scene.validation), scene.validation.property), effort, watch, mirrored,
            )  # fmt: skip
        guess = classes_by(classifier, channels_first(inversion.estimate.astype(np.float32)))
        right_key = earlier.get("right-key")
        reference = None
        if right_key is not None:
            reference = classes_by(classifier, channels_first(right_key.estimate.astype(np.float32)))
        return Findings(guess, reference, curve=curve)


def _raw(samples: Samples) -> Floats:
    pixels: Floats = np.ascontiguousarray(samples.images.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
    return pixels
