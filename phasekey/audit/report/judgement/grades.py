"""How bad a figure is, by its value and its interval."""

from enum import IntEnum

from phasekey.audit.numerics.bootstrap import widening
from phasekey.audit.result.catalogue import headlines
from phasekey.audit.result.result import REFERENCES, Audit, Figure

# Four fifths of the way from chance to the raw input. On the full circle that is 18 degrees where a guess is
# 90 off: the cosine of 18 degrees is 0.95, so what the attacker then holds is the feature itself.
OPEN_FROM = 0.8
# A tenth of the way. Below it an attacker gains little in any single case, though many cases add up.
LEAK_FROM = 0.1
SAME_IMAGE = "repeat_cosine_exact"  # the figure of an image that is sent twice, unchanged


class Grade(IntEnum):
    """From harmless to worst; what a reader should look at first has the largest value."""

    CHANCE = 0
    UNSURE = 1
    TRACE = 2
    LEAK = 3
    OPEN = 4

    @property
    def label(self) -> str:
        """The grade in a few words, e.g. "laid open"."""
        return LABELS[self]


LABELS = {
    Grade.CHANCE: "at chance",
    Grade.UNSURE: "too few images to tell",
    Grade.TRACE: "leaks a little",
    Grade.LEAK: "leaks",
    Grade.OPEN: "laid open",
}


def looked_at(audit: Audit) -> int:
    """How many figures verdicts choose the worst of: all headline figures of all attackers, yardsticks apart.

    Args:
        audit: to count in.

    Returns:
        1 or more.
    """
    attackers = (attack for attack in audit.attacks if attack.name not in REFERENCES)
    keys = [figure.key for attack in attackers for figure in attack.figures]
    return max(1, sum(key in headlines() for key in keys))


def beyond_chance(figure: Figure, among: int = 1) -> bool:
    """Whether the whole 95% interval is better than chance, from the attacker's side.

    Args:
        figure: measured.
        among: figures that it is the most striking of; the interval is widened as these ask for.

    Returns:
        True only where the interval excludes chance.
    """
    wider = widening(among)
    if figure.falls:
        return figure.value + wider * (figure.high - figure.value) < figure.chance
    return figure.value - wider * (figure.value - figure.low) > figure.chance


def worst_exposure(figure: Figure) -> float:
    """The exposure at that end of the interval which is worse for the device's owner.

    Args:
        figure: measured.

    Returns:
        0 at chance to 1 at the raw input.
    """
    return figure.exposure_of(figure.low if figure.falls else figure.high)


def grade(figure: Figure, among: int = 1) -> Grade:
    """How bad a figure is: a leak is said only where the interval excludes chance; that there is none, only
    where the interval leaves no room for one.

    Args:
        figure: measured.
        among: figures that are looked at together, as `looked_at` counts them.

    Returns:
        Its grade.
    """
    if not beyond_chance(figure, among):
        return Grade.UNSURE if worst_exposure(figure) >= LEAK_FROM else Grade.CHANCE
    if figure.exposure >= OPEN_FROM:
        return Grade.OPEN
    return Grade.LEAK if figure.exposure >= LEAK_FROM else Grade.TRACE


def grade_in(audit: Audit, figure: Figure) -> Grade:
    """The figure's grade, knowing how the audited device sends.

    Args:
        audit: that the figure is of.
        figure: one of its figures.

    Returns:
        CHANCE in place of UNSURE where a repeat is the same x, so that no number of images could tell more.
    """
    reached = grade(figure, looked_at(audit))
    return Grade.CHANCE if reached is Grade.UNSURE and sends_the_same(audit, figure) else reached


def sends_the_same(audit: Audit, figure: Figure) -> bool:
    """Whether a figure is of the same image twice from a device whose keys follow from the image.

    Args:
        audit: that the figure is of.
        figure: one of its figures.

    Returns:
        True where both transmissions are the same x.
    """
    return figure.key == SAME_IMAGE and audit.subject.get("keys") == "derived"


def meets(figure: Figure, aim: float) -> bool | None:
    """Whether the whole interval is on the good side of an aim.

    Args:
        figure: measured.
        aim: in the figure's unit.

    Returns:
        None where only a part of it is.
    """
    if figure.falls:
        return True if figure.low >= aim else (False if figure.high < aim else None)
    return True if figure.high <= aim else (False if figure.low > aim else None)
