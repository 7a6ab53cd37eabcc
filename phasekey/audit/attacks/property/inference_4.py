"""The nearest known features of a*."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from phasekey.audit.artefacts import AngleEstimates, Artefact
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.classifiers import Classes
from phasekey.audit.attackers.inference import angles_for
from phasekey.audit.attackers.inversion import features_for
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView

NEIGHBOURS = (1, 3, 5)


class InferenceFour(Attack):
    """k nearest neighbours of a* among the training images' features."""

    name: ClassVar[str] = "inference-4"
    leak: ClassVar[Leak] = "property"
    title: ClassVar[str] = "Inference 4 (paper), k nearest neighbours"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = "Compares a* with known images' features; the nearest 1, 3 or 5 of them vote."
    remedy: ClassVar[str] = (
        "Take the property out of the feature itself: an encoder trained against its classifier."
    )
    needs_rotation: ClassVar[bool] = False
    needs: ClassVar[tuple[type[Artefact], ...]] = (AngleEstimates,)

    def steps(self, effort: Effort) -> int:  # noqa: ARG002
        """One step for each k that validation tries."""
        return len(NEIGHBOURS)

    def run(self, context: Context) -> Findings:
        """estimate: by the k that is best in validation."""
        view = context.view
        _, validation, test = features_for(view, angles_for(self, context))
        errors, guesses = [], []
        for k in NEIGHBOURS:
            votes = _fitted(view, k)
            errors.append((votes(validation) != view.validation.property).mean())
            guesses.append(votes(test))
            context.watch.advance()
        best = int(np.argmin(errors))
        nearest = _fitted(view, NEIGHBOURS[best])
        return Findings(guesses[best], unhidden=lambda truth: nearest(truth.feature))


def _fitted(view: AttackerView, k: int) -> Callable[[Floats], Classes]:
    model = KNeighborsClassifier(k, algorithm="brute").fit(_flat(view.train.feature), view.train.property)
    return lambda features: model.predict(_flat(features)).astype(np.int64)


def _flat(features: Floats) -> Floats:
    return features.reshape(len(features), -1)
