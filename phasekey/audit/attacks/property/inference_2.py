"""A classifier of a*, and of what the public processing module makes of it."""

from typing import ClassVar

from phasekey.audit.artefacts import AngleEstimates, Artefact
from phasekey.audit.attack import Attack, Context, CurvePoint, Findings, Leak
from phasekey.audit.attackers.classifiers import Classes, classes_by, flat_classifier, seen, train_classifier
from phasekey.audit.attackers.inference import angles_for
from phasekey.audit.attackers.training import continued, drawn, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Samples
from phasekey.audit.scene.view import AttackerView, Transmissions


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
    needs: ClassVar[tuple[type[Artefact], ...]] = (AngleEstimates,)

    def steps(self, effort: Effort) -> int:
        """Of the classifier, and of the one on raw features."""
        return 2 * effort.inference_steps

    def run(self, context: Context) -> Findings:
        """reference: the same on raw features."""
        view = context.view
        angles = angles_for(self, context)
        with seeded(context.seed):
            guess, curve = _classify(context, view.test, angles)
            draws = drawn()

        def unhidden(truth: Samples) -> Classes:
            with continued(draws):
                return _classify(context, truth, _true(view, truth))[0]

        return Findings(guess, curve=curve, unhidden=unhidden)


def _true(view: AttackerView, truth: Samples) -> AngleEstimates | None:
    train, validation, test = view.train.theta, view.validation.theta, truth.theta
    if train is None or validation is None or test is None:
        return None
    return AngleEstimates(train, validation, test)


def _classify(
    context: Context, asked: Transmissions, angles: AngleEstimates | None
) -> tuple[Classes, tuple[CurvePoint, ...]]:
    view, effort = context.view, context.effort
    splits: dict[str, Transmissions] = {"train": view.train, "validation": view.validation, "test": asked}
    train, validation, test = (
        seen(view, part, None if angles is None else getattr(angles, name)) for name, part in splits.items()
    )
    classifier = flat_classifier(view, train.shape[1], effort)
    known = (train, view.train.property[: len(train)])
    held = (validation, view.validation.property)
    curve = train_classifier(classifier, known, held, effort, context.watch)
    return classes_by(classifier, test), curve
