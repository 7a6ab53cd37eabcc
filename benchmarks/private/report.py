"""The table of one private inference: time beside guarantee."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.interleave import Spread
from benchmarks.private.libraries import LIBRARIES
from benchmarks.report import machine
from phasekey.guarantee import at_most, nats_per_transmission
from phasekey.training.settings.modes import PRESETS

_BOUNDED = PRESETS["bounded"]
NATS = nats_per_transmission(_BOUNDED["width"], _BOUNDED["components"], _BOUNDED["sigma"])
OURS = {
    "bounded": f"at most {at_most(NATS)} nats about an image, by a theorem with assumptions; **nothing "
    "cryptographic**",
    "anonymous": "the input is one of four images, each as likely, if the decoys could be inputs; the four "
    "are seen; **nothing cryptographic**",
}
HEAD = """# Benchmarks: private inference

Written by `python -m benchmarks private --out docs/private-benchmarks.md`. One LeNet answers for one image
of 32 × 32, again and again: ours through a server on loopback, each new image under a new secret; each
library in an environment of its own, its parties on this machine, without a network between them. {rounds}
rounds in turn, of TenSEAL one. Time is wall time from the plain image to the plain answer, one thread for
each process: the median over the rounds, with its quartiles. The first inference of a program does not
count, but for TenSEAL's.

**The libraries give cryptographic guarantees, and we don't.** They hide image and features from whoever
computes; we hide which of several inputs it was, or all but a fraction of a nat, and the cloud sees the
rest. [When to take which](alternatives.md).

"""
TAIL = """
Networks with squares are not ours with another arithmetic: what they cost in accuracy is not measured here.
TenSEAL takes one convolution of a ciphertext: the first has stride 2 in place of a pooling, and the rest are
matrices. A library's parties on one machine pay nothing for the network between them; on a real one, rounds
of messages come on top (ours takes one).
"""


def render(times: Mapping[str, Sequence[Sequence[float]]], missing: Mapping[str, str], rounds: int) -> str:
    """Write the page.

    Args:
        times: by row, for each round the seconds of its inferences; our rows are "bounded" and "anonymous".
        missing: rows that could not be had, and why.
        rounds: how many.

    Returns:
        Markdown.
    """
    medians = {name: [statistics.median(each) for each in found] for name, found in times.items()}
    lines = [HEAD.format(rounds=rounds), f"{machine()}\n\n"]
    lines.append("| | ms an image | over bounded | over anonymous | goal | what it guarantees |\n")
    lines.append("|---|---|---|---|---|---|\n")
    for name, guarantee in OURS.items():
        mode = f"ours, `{name}`" + (", k = 4" if name == "anonymous" else "")
        lines.append(f"| {mode} | {_milliseconds(medians[name])} | | | | {guarantee} |\n")
    for name, library in LIBRARIES.items():
        if name in medians:
            over = [_ratio(medians[name], medians[ours]) for ours in OURS]
            goal = f"≥ {library.goal:g}" if library.goal else ""
            cells = (library.title, _milliseconds(medians[name]), *over, goal, library.guarantee)
        else:
            cells = (library.title, f"not run: {missing[name]}", "", "", "", library.guarantee)
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join([*lines, TAIL])


def _milliseconds(medians: Sequence[float]) -> str:
    low, middle, high = _quartiles(medians)
    return f"{1000 * middle:.3g} ({1000 * low:.3g} to {1000 * high:.3g})"


def _ratio(medians: Sequence[float], ours: Sequence[float]) -> str:
    low, middle, high = _quartiles([a / b for a, b in zip(medians, ours, strict=False)])
    return f"**{middle:.3g}** ({low:.3g} to {high:.3g})"


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    spread = Spread.of(values)
    return spread.lower, spread.median, spread.upper
