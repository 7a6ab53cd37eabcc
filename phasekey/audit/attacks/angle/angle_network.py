"""The strongest attack on the angle: a trained posterior over the circle."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from phasekey.audit.artefacts import (
    Artefact,
    FoldedAngles,
    Posterior,
    PosteriorAngles,
    PosteriorWeights,
    QuarterAngles,
)
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_posterior import kept, posterior, train_posterior
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import TURN, Angles, best_guess
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.scene.scene import Floats, Samples

KNOWN = 8_000  # training transmissions whose angle is estimated for the attacks that come after
QUARTER = TURN / 4
FINER = 0.8  # times the error, for the filter to be taken: where nothing is known, either may seem finer


class AngleNetwork(Attack):
    """θ̂ from a posterior p(θ | x), learned from fresh angles and fresh pairs of feature and decoy.

    The estimate is the angle that the posterior expects to err least by; where the filter of fourth moments
    is finer on validation, its angle is taken, in the quarter of the circle that the network chose; else the
    best angles modulo π and π/2 are left too. Of the training split, the first 8,000 are estimated.
    """

    name: ClassVar[str] = "angle-network"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Trained angle network"
    source: ClassVar[str] = "after Sheverdin et al. 2021; equivariant, additive posterior"
    how: ClassVar[str] = (
        "A network learns which angle makes x a feature over a decoy, from fresh transmissions."
    )
    remedy: ClassVar[str] = (
        "A narrow feature trained against this attacker, hidden by decoys that follow the feature's own law."
    )
    provides: ClassVar[tuple[type[Artefact], ...]] = (
        PosteriorAngles, FoldedAngles, Posterior, PosteriorWeights,
    )  # fmt: skip
    needs: ClassVar[tuple[type[Artefact], ...]] = (QuarterAngles,)

    def steps(self, effort: Effort) -> int:
        """Steps of the posterior's training."""
        return effort.angle_steps

    def run(self, context: Context) -> Findings:
        """Angles that the posterior expects to err least by, or the filter's finer ones in its quarters."""
        view, effort = context.view, context.effort
        with seeded(context.seed):
            network, curve = train_posterior(view, effort, context.watch)
        chosen = {
            "test": view.test.x, "validation": view.validation.x, "train": view.train.x[:KNOWN]
        }  # fmt: skip
        posteriors = {name: posterior(network, x, effort.angles) for name, x in chosen.items()}
        guesses: dict[str, Angles] = {name: best_guess(values) for name, values in posteriors.items()}
        filtered = context.get(QuarterAngles)
        finer = None if filtered is None else _finer(guesses, filtered, view.validation)
        artefacts: list[Artefact] = [] if finer else [_folded(posteriors["test"])]
        guesses = finer or guesses
        artefacts += [
            PosteriorAngles(**guesses),
            Posterior(posteriors["validation"], posteriors["test"]),
            kept(network),
        ]
        return Findings(guesses["test"], curve=curve, artefacts=tuple(artefacts))


def _folded(test: Floats) -> FoldedAngles:
    return FoldedAngles(best_guess(test, 2), best_guess(test, 4))


def _finer(
    guesses: Mapping[str, Angles], filtered: QuarterAngles, validation: Samples
) -> dict[str, Angles] | None:
    """The filter's finer angles in the network's quarters, if they err less on validation."""
    assert validation.theta is not None  # noqa: S101 - as above
    moved = {name: _nearest(guess, getattr(filtered, name)[: len(guess)]) for name, guess in guesses.items()}
    before, after = (circular_error(made["validation"], validation.theta).mean() for made in (guesses, moved))
    return moved if after < FINER * before else None


def _nearest(guess: Angles, fine: Angles) -> Angles:
    """fine, modulo π/2, moved by quarter turns to where it is nearest to the guess."""
    quarters: Angles = (fine + np.round((guess - fine) / QUARTER) * QUARTER) % TURN
    return quarters
