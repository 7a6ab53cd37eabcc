"""Predictions as walks: generators that yield what they need of the cloud, and get it sent in.

A walk knows no network, no thread and no event loop. A client runs one: it carries each step out in its own
way, sends the outcome in, and gets the result at the end. So threads and event loops share every line of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from sdk.core.breaker import Breaker
from sdk.errors import SdkError
from sdk.transport.interface import Answer

Array = np.ndarray[Any, np.dtype[Any]]
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Check:
    """Make sure that the server has this bundle's other half. The outcome is UNCHECKED where nobody asked."""


UNCHECKED = object()  # the outcome of a Check that no server answered: this device goes on alone


@dataclass(frozen=True, eq=False)
class Infer:
    """Send x, in the wire's type. The outcome is h, or an Answer."""

    x: Array


Step = Check | Infer
Walk = Generator[Step, Any, _Result]


@dataclass(frozen=True)
class Done(Generic[_Result]):
    """The end of a walk."""

    result: _Result


def advance(walk: Walk[_Result], outcome: Any = None) -> Step | Done[_Result]:
    """Give a walk the outcome of its last step, or what was raised instead: the next step, or its end."""
    try:
        return walk.throw(outcome) if isinstance(outcome, BaseException) else walk.send(outcome)
    except StopIteration as end:
        return Done(end.value)


def or_locally(walk: Walk[_Result], breaker: Breaker, local: Callable[[Array], Array]) -> Walk[_Result]:
    """The same walk, which computes h on this device where the cloud cannot be reached.

    Args:
        walk: one that asks for h.
        breaker: says whether to try the cloud at all.
        local: x -> h.
    """
    outcome: Any = None
    reason, alone = "the server failed a moment ago, and is left alone for a while", False
    while True:
        step = advance(walk, outcome)
        if isinstance(step, Done):
            return step.result
        if not alone and breaker.allows():
            try:
                outcome = yield step
            except SdkError as error:
                if not error.retryable:
                    outcome = error  # another model or no permission: computing it here would hide that
                    continue
                breaker.failed()
                reason = str(error)
            else:
                breaker.succeeded()
                continue
        if isinstance(step, Infer):
            outcome = Answer(local(step.x), local=reason)
        else:
            outcome, alone = UNCHECKED, True  # no x goes to a server that was not asked which model it has
