"""A classifier trained on reconstructions."""

from collections.abc import Mapping
from typing import ClassVar

from phasekey.audit.attack import Attack, CurvePoint, Findings, Leak, Watch
from phasekey.audit.attackers.classifiers import (
    Classes,
    classes_by,
    image_classifier,
    mirrored,
    train_classifier,
)
from phasekey.audit.attackers.image_decoder import images_by
from phasekey.audit.attackers.inference import (
    ANGLES,
    angles_for,
    channels_first,
    decoded_splits,
)
from phasekey.audit.attackers.inversion import restored
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Floats, Scene

INVERSION = "inversion-1-trained"


class InferenceThree(Attack):
    """Train and test on dec(a*), so that the classifier knows what reconstructions look like."""

    name: ClassVar[str] = "inference-3"
    leak: ClassVar[Leak] = "property"
    title: ClassVar[str] = "Inference 3 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = "Trains a classifier on images decoded from a* and shows it such images."
    remedy: ClassVar[str] = (
        "Take the property out of the feature itself: an encoder trained against its classifier."
    )
    needs_rotation: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = (*ANGLES, "right-key", INVERSION)

    def steps(self, effort: Effort) -> int:
        """Of the classifier, and of the one on the right key's images."""
        return 2 * effort.inference_steps

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """reference: the same on the right key's images."""
        angles = angles_for(self, scene, earlier)
        if INVERSION not in earlier:
            raise AuditError(f"{self.name} needs the decoder of {INVERSION}; run it before")
        reference = None
        with seeded(seed):
            splits = decoded_splits(scene, effort, earlier[INVERSION], angles)
            guess, curve = _classify(scene, splits, effort, watch)
            if "right-key" in earlier:
                decoder = restored(scene, effort, earlier["right-key"])
                raw = [samples.feature for samples in (scene.train, scene.validation, scene.test)]
                first, second, third = (channels_first(images_by(decoder, part)) for part in raw)
                reference, _ = _classify(scene, (first, second, third), effort, watch)
        return Findings(guess, reference, curve=curve)


def _classify(
    scene: Scene, splits: tuple[Floats, Floats, Floats], effort: Effort, watch: Watch
) -> tuple[Classes, tuple[CurvePoint, ...]]:
    train, validation, test = splits
    classifier = image_classifier(scene, effort)
    known = (train, scene.train.property[: len(train)])
    held = (validation, scene.validation.property)
    curve = train_classifier(classifier, known, held, effort, watch, mirrored)
    return classes_by(classifier, test), curve
