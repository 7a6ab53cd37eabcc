"""The label itself leaks: whoever holds the decoder needs only the angle at which it is sure of an answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import AnswerAngles, Artefact, Posterior
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.circle import best_guess, grid, softmax
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView, Transmissions

POWERS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # how far a confident answer speaks for an angle
SHARES = (0.5, 1.0, 2.0)  # how far a posterior that others found is heeded


class LabelSearch(Attack):
    """Φ runs once; d is asked at every angle. The label is that of largest Σ_φ p(φ | x) d(Re[h e^{-iφ}]).

    p(φ | x) grows with the decoder's largest probability, and with the posterior of the angle network or of
    the density-ratio search, where one is there; validation decides which counts, and how far each does.
    It leaves the angle expected to err least.
    reference: the decoder's answer at the right angle.
    """

    name: ClassVar[str] = "label-search"
    leak: ClassVar[Leak] = "label"
    title: ClassVar[str] = "Answers by the public decoder"
    source: ClassVar[str] = "follows from the scheme: processing module and decoder are no secret"
    how: ClassVar[str] = (
        "Decodes the cloud's own result at every angle and trusts the most confident answers."
    )
    remedy: ClassVar[str] = "Keep the decoder from the cloud, and the angle hidden."
    needs_processing: ClassVar[bool] = True
    provides: ClassVar[tuple[type[Artefact], ...]] = (AnswerAngles,)
    needs: ClassVar[tuple[type[Artefact], ...]] = (Posterior,)

    def why_not(self, view: AttackerView) -> str | None:
        """Labels that exclude each other are needed."""
        several = "the task has several labels for each image" if view.train.labels.ndim > 1 else None
        return super().why_not(view) or several

    def run(self, context: Context) -> Findings:
        """Labels of most weight over all angles; it leaves the angles at which answers are surest."""
        view, effort = context.view, context.effort
        validation, test = (Answers(view, part, effort.angles) for part in (view.validation, view.test))
        for posterior in context.all(Posterior):
            validation.know(posterior.validation)
            test.know(posterior.test)
        trusts = [Trust(power) for power in POWERS]
        known = range(len(context.all(Posterior)))
        trusts += [Trust(power, share, number) for power in POWERS for share in SHARES for number in known]
        wrong = [float((validation.labels(trust) != view.validation.labels).mean()) for trust in trusts]
        chosen = trusts[int(np.argmin(wrong))]
        context.watch.advance()
        angles = best_guess(test.posterior(chosen))
        return Findings(test.labels(chosen), artefacts=(AnswerAngles(angles),), unhidden=test.right)


@dataclass(frozen=True)
class Trust:
    """How far each source counts: p(φ | x) ∝ confidence^power · known^share.

    Attributes:
        power: how far a sure answer speaks for an angle.
        share: how far a known posterior is heeded.
        number: which of those that are known.
    """

    power: float
    share: float = 0.0
    number: int = 0


class Answers:
    """What the decoder says of each transmission at each angle: probabilities (N, A, K)."""

    def __init__(self, view: AttackerView, samples: Transmissions, angles: int) -> None:
        self._view, self._processed = view, view.device.process(samples.x)
        self._said = np.stack(list(self._ask(angles)), axis=1)
        self._known: list[Floats] = []

    def _ask(self, angles: int) -> Iterator[Floats]:
        for angle in grid(angles):
            turned = unrotate(self._processed, np.full(len(self._processed), angle))
            yield self._view.device.decode(turned)

    def know(self, posterior: Floats) -> None:
        """Take in a posterior over the angle that others found.

        Args:
            posterior: (N, A) on the same grid.
        """
        self._known.append(np.log(posterior + 1e-6))

    def posterior(self, trust: Trust) -> Floats:
        """Weigh the angles.

        Args:
            trust: how far each source counts.

        Returns:
            p(φ | x), (N, A).
        """
        scores = trust.power * np.log(self._said.max(2) + 1e-6)
        return softmax(scores + trust.share * self._known[trust.number] if trust.share else scores)

    def labels(self, trust: Trust) -> NDArray[np.int64]:
        """The label of most weight over all angles.

        Args:
            trust: how far each source counts.

        Returns:
            (N,) int64.
        """
        weighed: NDArray[np.int64] = (self.posterior(trust)[..., None] * self._said).sum(1).argmax(1)
        return weighed

    def right(self, samples: Samples) -> NDArray[np.int64]:
        """The decoder's answer at the right angle.

        Args:
            samples: the same transmissions with their truth.

        Returns:
            (N,) int64.
        """
        assert samples.theta is not None  # noqa: S101 - why_not left out scenes without rotation
        answers = self._view.device.decode(unrotate(self._processed, samples.theta))
        labels: NDArray[np.int64] = answers.argmax(1)
        return labels
