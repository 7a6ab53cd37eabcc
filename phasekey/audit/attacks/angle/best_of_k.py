"""A list of guesses instead of one: what an attacker gets who can tell a good reconstruction by sight."""

from typing import ClassVar

import numpy as np

from phasekey.audit.artefacts import Artefact, Posterior
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.circle import TURN, Angles, guess_list
from phasekey.audit.scene.scene import Floats

GUESSES = 16


class BestOfK(Attack):
    """16 guesses for each transmission, placed where the angle network's posterior asks for them.

    Even with an angle that is perfectly hidden, evenly spaced guesses hold one that is nearly right.
    """

    name: ClassVar[str] = "best-of-k"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "List of 16 angles"
    source: ClassVar[str] = "list decoding; quantiles after Panter and Dite 1951"
    how: ClassVar[str] = "Makes 16 guesses of the angle and keeps the one that turns out best."
    remedy: ClassVar[str] = (
        "None within this scheme: with one angle for all values, a short list always holds it."
    )
    needs: ClassVar[tuple[type[Artefact], ...]] = (Posterior,)

    def run(self, context: Context) -> Findings:
        """16 angles (N, 16) for each transmission, the likeliest first; evenly spaced without a posterior."""
        view, effort = context.view, context.effort
        flat = np.full((len(view.test), effort.angles), 1 / effort.angles, np.float32)
        found = context.get(Posterior)
        posterior = flat if found is None else found.test
        context.watch.advance()
        return Findings(_likeliest_first(guess_list(posterior, GUESSES), posterior))


def _likeliest_first(guesses: Angles, posterior: Floats) -> Angles:
    count = posterior.shape[1]
    nearest = np.rint(guesses / TURN * count).astype(np.int64) % count
    order = np.argsort(-np.take_along_axis(posterior, nearest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(guesses, order, axis=1)
