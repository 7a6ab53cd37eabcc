"""Who runs when: as many runs at once as cores, turns by client, joined where the model allows it.

The thread that brought a request runs it itself when its turn comes, for itself and for whom it joins
("leader and followers"): a request that finds the server idle changes no thread and waits for nothing. The
queue is one line for each client, served in rotation, so a client that floods waits for itself alone.
A request larger than a run's limit takes a turn for each slice.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from itertools import accumulate
from typing import Protocol

from cloud_runtime.errors import CallCancelledError, DeadlineError
from cloud_runtime.serving.batches import Arrays, BatchPolicy, join, joinable, part, rows
from cloud_runtime.serving.statistics import ModelStatistics, Timing

_now = time.monotonic_ns


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

    def __init__(self, model: Model, inputs: Arrays, client: str, deadline: int | None = None) -> None:
        self.model, self.inputs, self.client, self.deadline = model, inputs, client, deadline
        self.size = len(next(iter(inputs.values()))) if model.policy.limit else 1
        self.timing = Timing()
        self.cancelled = self.done = False
        self._gate = threading.Lock()
        self._gate.acquire()
        self._taken = 0
        self._slices: list[Arrays] = []
        self._error: BaseException | None = None
        self.since = _now()

    @property
    def left(self) -> int:
        """Samples that have not been run yet."""
        return self.size - self._taken

    def take(self, count: int) -> Arrays:
        """Take the next samples' inputs."""
        first, self._taken = self._taken, self._taken + count
        return self.inputs if count == self.size else rows(self.inputs, first, self._taken)

    def give(self, outputs: Arrays) -> None:
        """Hand in the outputs of samples that were taken."""
        self._slices.append(outputs)
        self.done = not self.left

    def fail(self, error: BaseException) -> None:
        """End the request with an error."""
        self._error, self.done = error, True

    def result(self) -> Arrays:
        """Return all outputs, or raise what ended the request."""
        if self._error is not None:
            raise self._error
        return join(self._slices)

    def wait(self) -> bool:
        """Wait for the turn or the end; False where the deadline came first."""
        if self.deadline is None:
            return self._gate.acquire()
        return self._gate.acquire(timeout=max(0, self.deadline - _now()) / 1e9)

    def wait_on(self) -> None:
        """Wait without a deadline: somebody works on this call, or is about to wake it."""
        self._gate.acquire()

    def wake(self) -> None:
        """Let a wait end."""
        self._gate.release()

    def over(self) -> BaseException | None:
        """Say why the call need not be run any more, if so."""
        if self.cancelled:
            return CallCancelledError("The call was cancelled.")
        if self.deadline is not None and _now() >= self.deadline:
            return DeadlineError("The call's deadline passed before it was run.")
        return None


class TurnQueue:
    """Runs requests, at most ``slots`` at a time. Safe to use from many threads.

    Args:
        slots: runs at a time.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._arrival = threading.Condition(self._lock)
        self._free = slots
        self._lines: OrderedDict[str, deque[Call]] = OrderedDict()

    def run(self, call: Call) -> Arrays:
        """Wait for the call's turn, run it, and return its outputs by name.

        Raises:
            DeadlineError: its deadline passed while it waited.
            CallCancelledError: cancel() was called while it waited.
            GraphError: the run failed.
        """
        mine = self._enter(call)
        while not call.done:
            if not mine:
                self._await(call)
                mine = not call.done
                continue
            mine = self._lead(call)
        return call.result()

    def cancel(self, call: Call) -> None:
        """Take a waiting call out of the queue. One that runs already is left to end."""
        with self._lock:
            call.cancelled = True
            if self._remove(call):
                call.fail(CallCancelledError("The call was cancelled."))
                call.wake()

    def _enter(self, call: Call) -> bool:
        with self._lock:
            if error := call.over():
                raise error
            if self._free:  # then nobody waits
                self._free -= 1
                return True
            self._append(call)
            self._arrival.notify_all()
            return False

    def _await(self, call: Call) -> None:
        if call.wait():
            return
        with self._lock:
            if self._remove(call):
                call.fail(DeadlineError("The call's deadline passed while it waited for its turn."))
                return
        call.wait_on()

    def _lead(self, call: Call) -> bool:
        """Run one batch; True where the call keeps the turn for its next slice."""
        batch = self._collect(call)
        _execute(batch)
        with self._lock:
            for other, _ in batch[1:]:
                other.wake()
            if not call.done and (error := call.over()):
                call.fail(error)
            if not call.done and not self._lines:
                return True
            if not call.done:
                self._append(call, again=True)
            self._pass_on()
            return False

    def _collect(self, call: Call) -> list[tuple[Call, int]]:
        policy = call.model.policy
        limit = policy.limit if policy.slices or policy.joins else call.left
        batch = [(call, min(call.left, limit) if policy.slices else call.left)]
        if not policy.joins:
            return batch
        with self._lock:
            room = limit - batch[0][1]
            if policy.delay_us and self._waiting(call, room):
                self._linger(call, batch[0][1])
            others = self._joining(call, room)
            sizes = [batch[0][1], *(other.left for other in others)]
            for other in others[: _count_to_join(sizes, policy)]:
                self._remove(other)
                batch.append((other, other.left))
        return batch

    def _linger(self, call: Call, size: int) -> None:
        """Wait, under the lock, for a batch worth running, at most until the oldest has waited its delay."""
        policy, until = call.model.policy, call.since + call.model.policy.delay_ns
        while (remaining := until - _now()) > 0:
            if size + self._waiting(call, policy.wanted - size) >= policy.wanted:
                return
            self._arrival.wait(remaining / 1e9)

    def _waiting(self, call: Call, room: int) -> int:
        return sum(other.left for other in self._joining(call, room))

    def _joining(self, call: Call, room: int) -> list[Call]:
        """Choose calls of the same model that fit into the room, one of each client's line in rotation."""
        chosen: list[Call] = []
        lines = [iter(line) for line in self._lines.values()]
        while lines and room > 0:
            for line in list(lines):
                other = next(line, None)
                if other is None:
                    lines.remove(line)
                elif other.model is call.model and 0 < other.left <= room and _fits(call, other):
                    chosen.append(other)
                    room -= other.left
        return chosen

    def _append(self, call: Call, *, again: bool = False) -> None:
        call.since = _now()
        line = self._lines.setdefault(call.client, deque())
        if again:  # what a client began first, it gets first
            line.appendleft(call)
        else:
            line.append(call)
        call.model.statistics.queued(1)

    def _remove(self, call: Call) -> bool:
        line = self._lines.get(call.client)
        if line is None or call not in line:
            return False
        line.remove(call)
        if not line:
            del self._lines[call.client]
        call.model.statistics.queued(-1)
        return True

    def _pass_on(self) -> None:
        """Give the turn to the next client's oldest call, or free the slot."""
        while self._lines:
            client, line = next(iter(self._lines.items()))
            call = line[0]
            self._remove(call)
            if client in self._lines:
                self._lines.move_to_end(client)
            error = call.over()
            if error is not None:
                call.fail(error)
            call.wake()
            if error is None:
                return
        self._free += 1


def _fits(one: Call, other: Call) -> bool:
    return other.over() is None and joinable(one.inputs, other.inputs)


def _count_to_join(sizes: list[int], policy: BatchPolicy) -> int:
    """Say how many of the others to take along: to the largest preferred size that they reach, if any."""
    totals = list(accumulate(sizes))
    reached = [size for size in policy.preferred if size <= totals[-1]]
    if not reached:
        return len(sizes) - 1
    return max(0, bisect_right(totals, reached[-1]) - 1)


def _execute(batch: list[tuple[Call, int]]) -> None:
    """Run calls together, each with so many of its samples, and hand every one its outputs or the error."""
    model, start = batch[0][0].model, _now()
    for call, _ in batch:
        call.timing.queue += start - call.since
    try:
        inputs = join([call.take(size) for call, size in batch])
        joined = _now()
        outputs = model.run(inputs)
        ran = _now()
        for (call, _), own in zip(batch, part(outputs, [size for _, size in batch]), strict=True):
            call.give(own)
    except Exception as error:  # whoever waits must hear of it; the caller of run() sorts it
        for call, _ in batch:
            call.fail(error)
        return
    end = _now()
    for call, _ in batch:
        call.timing.compute_input += joined - start
        call.timing.compute_infer += ran - joined
        call.timing.compute_output += end - ran
        call.since = end
    model.statistics.ran(sum(size for _, size in batch), joined - start, ran - joined, end - ran)
