"""A classifier trained on reconstructions."""

from typing import ClassVar

from phasekey.audit.artefacts import AngleEstimates, Artefact, RecoveredDecoder, RightKeyDecoder
from phasekey.audit.attack import Attack, Context, CurvePoint, Findings, Leak
from phasekey.audit.attackers.classifiers import (
    Classes,
    classes_by,
    image_classifier,
    mirrored,
    train_classifier,
)
from phasekey.audit.attackers.image_decoder import images_by
from phasekey.audit.attackers.inference import (
    angles_for,
    channels_first,
    decoded_splits,
)
from phasekey.audit.attackers.inversion import restored
from phasekey.audit.attackers.training import continued, drawn, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Floats, Samples


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
    needs: ClassVar[tuple[type[Artefact], ...]] = (AngleEstimates, RightKeyDecoder, RecoveredDecoder)

    def steps(self, effort: Effort) -> int:
        """Of the classifier, and of the one on the right key's images."""
        return 2 * effort.inference_steps

    def run(self, context: Context) -> Findings:
        """reference: the same on the right key's images."""
        view, effort = context.view, context.effort
        angles, recovered = angles_for(self, context), context.get(RecoveredDecoder)
        if recovered is None:
            raise AuditError(f"{self.name} needs the decoder of inversion-1-trained; run it before")
        with seeded(context.seed):
            guess, curve = _classify(context, decoded_splits(view, effort, recovered, angles))
            draws = drawn()
        right_key = context.get(RightKeyDecoder)
        if right_key is None:
            return Findings(guess, curve=curve)

        def unhidden(truth: Samples) -> Classes:
            with continued(draws):
                decoder = restored(view, effort, right_key)
                raw = [samples.feature for samples in (view.train, view.validation, truth)]
                first, second, third = (channels_first(images_by(decoder, part)) for part in raw)
                return _classify(context, (first, second, third))[0]

        return Findings(guess, curve=curve, unhidden=unhidden)


def _classify(
    context: Context, splits: tuple[Floats, Floats, Floats]
) -> tuple[Classes, tuple[CurvePoint, ...]]:
    (train, validation, test), view = splits, context.view
    classifier = image_classifier(view, context.effort)
    known = (train, view.train.property[: len(train)])
    held = (validation, view.validation.property)
    curve = train_classifier(classifier, known, held, context.effort, context.watch, mirrored)
    return classes_by(classifier, test), curve
