"""The one interface behind which every attack stands."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Scene

Leak = Literal["angle", "inversion", "property", "label", "decoy", "repeat", "membership"]


@dataclass(frozen=True)
class CurvePoint:
    """A trained attacker after so many steps; losses as the attack defines them, lower is stronger."""

    step: int
    training: float
    validation: float


@dataclass(frozen=True)
class Findings:
    """What an attack says of the test split (N transmissions), row by row. No score: `scores` does that.

    estimate, by the attack's leak:
      angle       (N,) or (N, T) radians, θ̂ or T guesses of it, defined modulo `period`; extra["mod_pi"] and
                  extra["mod_half_pi"], (N,), where another guess is better modulo π or π/2
      inversion   (N, T, H, W, C) float32 in [0, 1], T guesses of each image (T = 1, or 2 of a pair decoder)
      property    (N,) int64, the class guessed of Samples.property
      label       (N,) int64, the class guessed of Samples.labels
      decoy       (N,) int64, which candidate of the pool was the decoy, -1 for none of them
      repeat      (N, R, D) float32, unit vectors guessed to lie along the feature (flattened, D values), for
                  the R entries of scene.repeats in their order
      membership  (N + M,) float32, the larger the surer that the image was trained on; see the attack
    reference: the same attacker's estimate where nothing is hidden (given the right key, or the raw
    feature): how much the attack could get at best; same shape, or None.
    period: of an angle's estimate, 2π, π or π/2.
    curve: of the training of the attacker's network; empty for attacks without training.
    extra: further arrays for figures and for the attacks that come after, by name.
    """

    estimate: NDArray[np.generic]
    reference: NDArray[np.generic] | None = None
    period: float = 2 * np.pi
    curve: tuple[CurvePoint, ...] = ()
    extra: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


class Watch(Protocol):
    """Whom a long attack tells how far it is."""

    def advance(self, steps: int = 1) -> None:
        """So many of the steps that `Attack.steps` announced are done."""


class Attack(ABC):
    """One attack. Deterministic: the same scene, effort and seed give the same findings.

    name: in reports and files, e.g. `mean-template`. leak: what it goes after. title: for people.
    source: where it was published. how: one plain sentence on what it does. remedy: one plain sentence on
    what would reduce this leak. needs_white_box: False where pairs of image and x are enough.
    needs_rotation: False where the attack also makes sense without an angle. needs_processing: True where it
    asks the processing module or the decoder.
    after: names of attacks whose findings it uses where they are there.
    """

    name: ClassVar[str]
    leak: ClassVar[Leak]
    title: ClassVar[str]
    source: ClassVar[str]
    how: ClassVar[str]
    remedy: ClassVar[str]
    needs_white_box: ClassVar[bool] = True
    needs_rotation: ClassVar[bool] = True
    needs_processing: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()

    def why_not(self, scene: Scene) -> str | None:
        """Why the attack has nothing to do in this scene, in plain words; None where it applies."""
        if self.needs_rotation and not scene.rotated:
            return "nothing is rotated in this network"
        if self.needs_white_box and scene.box == "black":
            return "needs the device's software, which a black box hides"
        if self.needs_processing and not scene.device.processes:
            return "needs the processing module, which is not in this folder"
        return None

    def steps(self, effort: Effort) -> int:  # noqa: ARG002 - attacks that train say how much
        """How many steps `run` will report to its watch, 1 for attacks that don't train."""
        return 1

    @abstractmethod
    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """Attack the scene's test split. earlier: findings so far, by the attack's name."""
