"""The strongest attack on the angle: a trained posterior over the circle."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.angle_posterior import kept, posterior, train_posterior
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import TURN, Angles, best_guess
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.scene.scene import Samples, Scene

KNOWN = 8_000  # training transmissions whose angle is estimated for the attacks that come after
FOLDS = {"mod_pi": 2, "mod_half_pi": 4}
QUARTER = TURN / 4
FINER = 0.8  # times the error, for the filter to be taken: where nothing is known, either may seem finer


class AngleNetwork(Attack):
    """θ̂ from a posterior p(θ | x), learned from fresh angles and fresh pairs of feature and decoy.

    The estimate is the angle that the posterior expects to err least by; extra["mod_pi"] and
    extra["mod_half_pi"] are the same modulo π and π/2. Where the fourth-order filter (`ica`) is finer on
    validation, its angle is taken, in the quarter of the circle that the network chose. Further extra:
    "posterior" and "validation_posterior" (N, A), p itself; "train" (its first 8,000) and "validation",
    estimates for these splits; and what `angle_posterior.known_posterior` makes the network of again.
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
    after: ClassVar[tuple[str, ...]] = ("ica",)

    def steps(self, effort: Effort) -> int:
        """Of the training."""
        return effort.angle_steps

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """See Attack.run."""
        with seeded(seed):
            network, curve = train_posterior(scene, effort, watch)
        chosen = {
            "test": scene.test.x, "validation": scene.validation.x, "train": scene.train.x[:KNOWN]
        }  # fmt: skip
        posteriors = {name: posterior(network, x, effort.angles) for name, x in chosen.items()}
        guesses: dict[str, Angles] = {name: best_guess(values) for name, values in posteriors.items()}
        extra: dict[str, NDArray[np.generic]] = {}
        finer = _finer(guesses, earlier["ica"], scene.validation) if "ica" in earlier else None
        if finer is None:
            extra |= {key: best_guess(posteriors["test"], fold) for key, fold in FOLDS.items()}
        guesses = finer or guesses
        extra |= {"validation": guesses["validation"], "train": guesses["train"]}
        extra |= {"posterior": posteriors["test"], "validation_posterior": posteriors["validation"]}
        extra |= kept(network)
        return Findings(guesses["test"], curve=curve, extra=extra)


def _finer(guesses: Mapping[str, Angles], ica: Findings, validation: Samples) -> dict[str, Angles] | None:
    """The filter's finer angles in the network's quarters, if they err less on validation."""
    assert validation.theta is not None  # noqa: S101 - as above
    angles = {"test": ica.estimate, **ica.extra}
    moved = {
        name: _nearest(guess, angles[name].astype(np.float64)[: len(guess)])
        for name, guess in guesses.items()
    }
    before, after = (circular_error(made["validation"], validation.theta).mean() for made in (guesses, moved))
    return moved if after < FINER * before else None


def _nearest(guess: Angles, fine: Angles) -> Angles:
    """fine, modulo π/2, moved by quarter turns to where it is nearest to the guess."""
    quarters: Angles = (fine + np.round((guess - fine) / QUARTER) * QUARTER) % TURN
    return quarters
