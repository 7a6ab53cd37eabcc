"""Whether trained attackers had learned all they could: one cut off while improving bounds the leak worse."""

from collections.abc import Sequence
from typing import Literal

from phasekey.audit.attack import CurvePoint

# The last part of the training, and the share of all that was gained which, gained there, counts as still
# improving. Step sizes end at nought, so even an attacker who has learned all gains a little there.
LAST_PART = 0.25
STILL = 0.05
# And what it gained there must be worth mentioning beside the loss itself: attackers that start from a
# regression gain so little in all that any share of it is nothing.
NOTICEABLE = 0.01
# How far above its best a validation loss must end to be called worse, as a share of what was gained.
WORSE = 0.1

State = Literal["none", "unclear", "nothing", "improving", "overfitted", "level"]


def improving(curve: Sequence[CurvePoint]) -> bool:
    """Whether the attacker was cut off while it improved.

    Args:
        curve: of its training.

    Returns:
        True where its last losses still fell.
    """
    return state(curve) == "improving"


def state(curve: Sequence[CurvePoint]) -> State:
    """How a training ended, by its validation losses.

    Args:
        curve: of the training.

    Returns:
        A word of the table `progress` in words.toml.
    """
    if not curve:
        return "none"
    losses = [point.validation for point in curve]
    before = [point.validation for point in curve if point.step <= (1 - LAST_PART) * curve[-1].step]
    if len(before) < 2:
        return "unclear"
    gained = losses[0] - min(losses)
    if gained <= 0:
        return "nothing"
    if min(before) - min(losses) > max(STILL * gained, NOTICEABLE * abs(min(losses))):
        return "improving"
    return "overfitted" if losses[-1] - min(losses) > WORSE * gained else "level"
