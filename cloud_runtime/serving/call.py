"""One request on its way through the queue: what is left of it, what came of it, and who waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from cloud_runtime.errors import CallCancelledError, DeadlineError
from cloud_runtime.serving.batches import Arrays, BatchPolicy, join, joinable, rows
from cloud_runtime.serving.statistics import ModelStatistics, Timing


class Model(Protocol):
    """What a turn runs."""

    policy: BatchPolicy
    statistics: ModelStatistics

    def run(self, inputs: Arrays) -> Arrays: ...


class Call:
    """One request on its way through the queue.

    Args:
        model: what to run.
        inputs: checked arrays by name; where the model batches, samples along the first axis.
        client: whose line it waits in.
        deadline: ``time.monotonic_ns()`` after which nobody waits for the answer; None for no end.
    """

    __slots__ = (
        "_end",
        "_error",
        "_slices",
        "_taken",
        "cancelled",
        "client",
        "deadline",
        "done",
        "inputs",
        "model",
        "since",
        "size",
        "timing",
    )

    def __init__(self, model: Model, inputs: Arrays, client: str, deadline: int | None = None) -> None:
        self.model, self.inputs, self.client, self.deadline = model, inputs, client, deadline
        self.size = len(next(iter(inputs.values()))) if model.policy.limit else 1
        self.timing = Timing()
        self.cancelled = self.done = False
        self._end: Callable[[], object] = bool
        self._taken = 0
        self._slices: list[Arrays] = []
        self._error: BaseException | None = None
        self.since = time.monotonic_ns()

    @property
    def left(self) -> int:
        """Samples that have not been run yet."""
        return self.size - self._taken

    @property
    def turn(self) -> int:
        """Samples that are run in one turn."""
        return min(self.left, self.model.policy.slice or self.left)

    def fits(self, other: Call) -> bool:
        """Tell whether another call may be run in the same batch."""
        return other.over() is None and joinable(self.inputs, other.inputs)

    def take(self, count: int) -> Arrays:
        """Take the next samples' inputs."""
        first, self._taken = self._taken, self._taken + count
        return self.inputs if count == self.size else rows(self.inputs, first, self._taken)

    def give(self, outputs: Arrays) -> None:
        """Hand in the outputs of samples that were taken; the inputs go once all have theirs."""
        self._slices.append(outputs)
        if not self.left:
            self.inputs, self.done = {}, True

    def fail(self, error: BaseException) -> None:
        """End the request with an error."""
        self._error, self.inputs, self.done = error, {}, True

    def result(self) -> Arrays:
        """Return all outputs, or raise, once, what ended the request."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds the frames that hold the call
        return join(self._slices)

    def expect(self, end: Callable[[], object]) -> None:
        """Have a function called once the call is done."""
        self._end = end

    def finish(self) -> None:
        """Tell who expects it that it is done, and forget them.

        What is told holds the call in its turn. A circle would keep the message until Python's collector
        comes by, which counts objects and not bytes: hundreds of megabytes in a flood (record 71).
        """
        end, self._end = self._end, bool
        end()

    def over(self) -> BaseException | None:
        """Say why the call need not be run any more, if so."""
        if self.cancelled:
            return CallCancelledError("The call was cancelled.")
        if self.deadline is not None and time.monotonic_ns() >= self.deadline:
            return DeadlineError("The call's deadline passed before it was run.")
        return None
