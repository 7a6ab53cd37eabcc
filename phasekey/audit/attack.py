"""The one interface behind which every attack stands."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import Artefact
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Samples
from phasekey.audit.scene.view import AttackerView

Leak = Literal["angle", "inversion", "property", "label", "decoy", "repeat", "membership"]
Array = NDArray[np.generic]
A = TypeVar("A", bound=Artefact)


@dataclass(frozen=True)
class CurvePoint:
    """A trained attacker after so many steps; losses as the attack defines them, lower is stronger.

    Attributes:
        step: from 1.
        training: loss on the images that it trains on.
        validation: loss on others.
    """

    step: int
    training: float
    validation: float


@dataclass(frozen=True)
class Findings:
    """What an attack says of the test split (N transmissions), row by row. No score: `scoring` does that.

    estimate, by the attack's leak:
      angle       (N,) or (N, T) radians, θ̂ or T guesses of it, defined modulo `period`; where another guess
                  is better modulo π or π/2, the artefact FoldedAngles has it
      inversion   (N, T, H, W, C) float32 in [0, 1], T guesses of each image (T = 1, or 2 of a pair decoder)
      property    (N,) int64, the class guessed of Samples.property
      label       (N,) int64, the class guessed of Samples.labels
      decoy       (N,) int64, which candidate of the pool was the decoy, -1 for none of them
      repeat      (N, R, D) float32, unit vectors guessed to lie along the feature (flattened, D values), for
                  the R entries of view.repeats in their order
      membership  (N + M,) float32, the larger the surer that the image was trained on; see the attack
    reference: the same attacker's estimate where nothing is hidden (given the right key, or the raw
    feature): how much the attack could get at best; same shape, or None. The runner fills it in.
    period: of an angle's estimate, 2π, π or π/2.
    curve: of the training of the attacker's network; empty for attacks without training.
    artefacts: what it leaves for others, each of a type in `Attack.provides`.
    unhidden: asks the attacker again with nothing hidden, for `reference`. The runner calls it with the truth
    of the test split once the estimate stands; it is never kept.
    """

    estimate: Array
    reference: Array | None = None
    period: float = 2 * np.pi
    curve: tuple[CurvePoint, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    unhidden: Callable[[Samples], Array] | None = None

    def get(self, kind: type[A]) -> A | None:
        """The artefact of a type that this attack left.

        Args:
            kind: the artefact's class.

        Returns:
            The first of that class or of one derived from it; None where there is none.
        """
        return next((each for each in self.artefacts if isinstance(each, kind)), None)


class Watch(Protocol):
    """Whom a long attack tells how far it is."""

    def advance(self, steps: int = 1) -> None:
        """So many of the steps that `Attack.steps` announced are done.

        Args:
            steps: how many more.
        """


class Unwatched:
    """A watch for what nobody waits for."""

    def advance(self, steps: int = 1) -> None:
        """Nothing is shown to anybody.

        Args:
            steps: how many are done.
        """


@dataclass(frozen=True)
class Context:
    """All that an attack is given.

    Args:
        view: what its attacker holds of the scene.
        effort: what it may spend.
        seed: of all that it draws.
        watch: whom it tells how far it is.
        earlier: artefacts of attacks before it, of the types in its `needs`, in the attacks' order.
    """

    view: AttackerView
    effort: Effort
    seed: int = 0
    watch: Watch = field(default_factory=Unwatched)
    earlier: tuple[Artefact, ...] = ()

    def get(self, kind: type[A]) -> A | None:
        """The first artefact of a type, in the attacks' order.

        Args:
            kind: the artefact's class, or one that it derives from.

        Returns:
            None where no attack left one.
        """
        return next(iter(self.all(kind)), None)

    def all(self, kind: type[A]) -> tuple[A, ...]:
        """All artefacts of a type, in the attacks' order.

        Args:
            kind: the artefacts' class, or one that they derive from.

        Returns:
            None, one or several.
        """
        return tuple(each for each in self.earlier if isinstance(each, kind))


class Attack(ABC):
    """One attack. Deterministic: the same view, effort and seed give the same findings.

    name: in reports and files, e.g. `mean-template`. leak: what it goes after. title: for people.
    source: where it was published. how: one plain sentence on what it does. remedy: one plain sentence on
    what would reduce this leak. needs_white_box: False where pairs of image and x are enough.
    needs_rotation: False where the attack also makes sense without an angle. needs_processing: True where it
    asks the processing module or the decoder.
    provides: types of the artefacts that it may leave. needs: types that it uses where they are there; of a
    base class, all that derive from it. Attacks that provide a type run before those that need it.
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
    provides: ClassVar[tuple[type[Artefact], ...]] = ()
    needs: ClassVar[tuple[type[Artefact], ...]] = ()

    def why_not(self, view: AttackerView) -> str | None:
        """Why the attack has nothing to do with this view, in plain words; None where it applies."""
        if self.needs_rotation and not view.rotated:
            return "nothing is rotated in this network"
        if self.needs_white_box and not view.white_box:
            return "needs the device's software, which a black box hides"
        if self.needs_processing and not view.device.processes:
            return "needs the processing module, which is not in this folder"
        return None

    def steps(self, effort: Effort) -> int:  # noqa: ARG002 - attacks that train say how much
        """How many steps `run` will report to its watch, 1 for attacks that don't train."""
        return 1

    @abstractmethod
    def run(self, context: Context) -> Findings:
        """Attack the view's test split."""


class Yardstick(Attack):
    """An attacker who is given what the others look for: never the strongest of anything.

    `run` learns without the truth, and leaves its estimate empty; `told` makes it with the truth.
    """

    @abstractmethod
    def told(self, context: Context, truth: Samples, found: Findings) -> Findings:
        """What it says when it is told the test split's truth.

        Args:
            context: as `run` got it.
            truth: the test split with all that is hidden.
            found: what `run` returned.

        Returns:
            Findings with an estimate.
        """


def builds_on(attack: Attack, other: Attack) -> bool:
    """Whether an attack uses something that another one leaves.

    Args:
        attack: which may need it.
        other: which may provide it.

    Returns:
        True where a type that `other` provides is one that `attack` needs.
    """
    return any(issubclass(made, attack.needs) for made in other.provides)


def in_order(attacks: tuple[Attack, ...]) -> tuple[Attack, ...]:
    """Put every attack behind those that it builds on; as they are listed where that leaves a choice.

    Args:
        attacks: in any order.

    Returns:
        The same attacks.

    Raises:
        ValueError: attacks need each other in a circle.
    """
    ordered: list[Attack] = []
    left = list(attacks)
    while left:
        ready = next(
            (one for one in left if not any(builds_on(one, other) for other in left if other is not one)),
            None,
        )
        if ready is None:
            raise ValueError(f"attacks need each other in a circle: {', '.join(one.name for one in left)}")
        ordered.append(ready)
        left.remove(ready)
    return tuple(ordered)
