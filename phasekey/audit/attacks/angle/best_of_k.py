"""A list of guesses instead of one: what an attacker gets who can tell a good reconstruction by sight."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import TURN, Angles, guess_list
from phasekey.audit.scene.scene import Floats, Scene

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
    after: ClassVar[tuple[str, ...]] = ("angle-network",)

    def run(
        self,
        scene: Scene,
        effort: Effort,
        seed: int,  # noqa: ARG002
        earlier: Mapping[str, Findings],
        watch: Watch,
    ) -> Findings:
        """See Attack.run."""
        flat = np.full((len(scene.test), effort.angles), 1 / effort.angles, np.float32)
        found = earlier.get("angle-network")
        posterior = flat if found is None else found.extra["posterior"].astype(np.float32)
        watch.advance()
        return Findings(_likeliest_first(guess_list(posterior, GUESSES), posterior))


def _likeliest_first(guesses: Angles, posterior: Floats) -> Angles:
    count = posterior.shape[1]
    nearest = np.rint(guesses / TURN * count).astype(np.int64) % count
    order = np.argsort(-np.take_along_axis(posterior, nearest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(guesses, order, axis=1)
