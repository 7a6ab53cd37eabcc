"""One bar over all that an audit will do, with the time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from phasekey.audit.attack import Attack, Watch
from phasekey.audit.budget import Effort

SCORING = 1  # steps that the scores of one attack count for


class Steps:
    """Advances a bar, but by no more than the attack announced."""

    def __init__(self, bar: "tqdm[Any]", announced: int) -> None:
        self._bar, self.left = bar, announced

    def advance(self, steps: int = 1) -> None:
        """So many steps are done."""
        steps = min(steps, self.left)
        self.left -= steps
        self._bar.update(steps)


class Progress:
    """The bar over the steps that the attacks announce. Steps of different attacks take different times, so
    the time left is a guess that grows better. Where no terminal is, in a log, a line for each attack."""

    def __init__(self, attacks: tuple[Attack, ...], effort: Effort, *, shown: bool = True) -> None:
        self._effort, self._names = effort, [attack.name for attack in attacks]
        self._bar = tqdm(
            total=sum(attack.steps(effort) + SCORING for attack in attacks),
            unit="step",
            disable=None if shown else True,  # None: only where someone looks on
            dynamic_ncols=True,
        )
        self._in_lines = shown and bool(self._bar.disable)

    @contextmanager
    def watching(self, attack: Attack) -> Iterator[Watch]:
        """The watch of one attack; when it ends, all of its announced steps count as done.

        Args:
            attack: which runs meanwhile.

        Returns:
            A context with the watch.
        """
        self._bar.set_description(attack.name)
        if self._in_lines:
            number = self._names.index(attack.name) + 1
            print(f"attack {number} of {len(self._names)}: {attack.name}", file=sys.stderr)  # noqa: T201
        steps = Steps(self._bar, attack.steps(self._effort))
        yield steps
        steps.advance(steps.left)

    def score(self, attack: Attack) -> None:
        """Say that an attack's findings are scored next.

        Args:
            attack: which ran.
        """
        self._bar.set_description(f"scoring {attack.name}")
        self._bar.update(SCORING)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
