"""A classifier of a*, and of what the public processing module makes of it."""

from collections.abc import Mapping
from typing import ClassVar

from phasekey.audit.attack import Attack, CurvePoint, Findings, Leak, Watch
from phasekey.audit.attackers.angle_estimates import Angles
from phasekey.audit.attackers.classifiers import Classes, classes_by, flat_classifier, seen, train_classifier
from phasekey.audit.attackers.inference import ANGLES, angles_for
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Scene


class InferenceTwo(Attack):
    """Undo the rotation by the best estimate, then classify a* and Φ(x) turned back by the same angle."""

    name: ClassVar[str] = "inference-2"
    leak: ClassVar[Leak] = "property"
    title: ClassVar[str] = "Inference 2 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = (
        "Turns x and the public Φ(x) back by the best angle, and trains a classifier on both."
    )
    remedy: ClassVar[str] = (
        "Take the property out of the feature itself: an encoder trained against its classifier."
    )
    needs_rotation: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ANGLES

    def steps(self, effort: Effort) -> int:
        """Of the classifier, and of the one on raw features."""
        return 2 * effort.inference_steps

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """reference: the same on raw features."""
        angles = angles_for(self, scene, earlier)
        with seeded(seed):
            guess, curve = _classify(scene, angles, effort, watch)
            reference, _ = _classify(scene, _true(scene), effort, watch)
        return Findings(guess, reference, curve=curve)


def _true(scene: Scene) -> Angles | None:
    splits = [samples.theta for samples in (scene.train, scene.validation, scene.test)]
    return Angles("right key", *(theta for theta in splits if theta is not None)) if scene.rotated else None


def _classify(
    scene: Scene, angles: Angles | None, effort: Effort, watch: Watch
) -> tuple[Classes, tuple[CurvePoint, ...]]:
    train, validation, test = (
        seen(scene, samples, None if angles is None else getattr(angles, split))
        for split, samples in (("train", scene.train), ("validation", scene.validation), ("test", scene.test))
    )
    classifier = flat_classifier(scene, train.shape[1], effort)
    curve = train_classifier(
        classifier,
        (train, scene.train.property[: len(train)]),
        (validation, scene.validation.property),
        effort,
        watch,
    )
    return classes_by(classifier, test), curve
