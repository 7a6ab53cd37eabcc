"""The nearest known features of a*."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.classifiers import Classes
from phasekey.audit.attackers.inference import ANGLES, angles_for
from phasekey.audit.attackers.inversion import features_for
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats, Scene

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
    after: ClassVar[tuple[str, ...]] = ANGLES

    def steps(self, effort: Effort) -> int:  # noqa: ARG002
        """One for each k."""
        return len(NEIGHBOURS)

    def run(
        self,
        scene: Scene,
        effort: Effort,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        earlier: Mapping[str, Findings],
        watch: Watch,
    ) -> Findings:
        """estimate: by the k that is best in validation. extra: k1, k3, k5, the guesses of each; best_k."""
        _, validation, test = features_for(scene, angles_for(self, scene, earlier))
        errors, guesses, references = [], [], []
        for k in NEIGHBOURS:
            votes = _fitted(scene, k)
            errors.append((votes(validation) != scene.validation.property).mean())
            guesses.append(votes(test))
            references.append(votes(scene.test.feature))
            watch.advance()
        best = int(np.argmin(errors))
        extra = {f"k{k}": guess for k, guess in zip(NEIGHBOURS, guesses, strict=True)}
        extra["best_k"] = np.array([NEIGHBOURS[best]])
        return Findings(guesses[best], references[best], extra=extra)


def _fitted(scene: Scene, k: int) -> Callable[[Floats], Classes]:
    model = KNeighborsClassifier(k, algorithm="brute").fit(_flat(scene.train.feature), scene.train.property)
    return lambda features: model.predict(_flat(features)).astype(np.int64)


def _flat(features: Floats) -> Floats:
    return features.reshape(len(features), -1)
