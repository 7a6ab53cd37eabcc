"""Who runs when: as many runs at once as cores, turns by client, joined where the model allows it.

The queue is one line for each client, served in rotation, so a client that floods waits for itself alone;
whoever comes new goes before those that just had their turn and want more, by as many samples as they had.
Whoever has a slot takes the next request and whom it joins, runs them, hands every one its outputs, and looks
for more; nobody sleeps on a request's behalf. Threads that bring requests have slots for short runs, since
handing one over costs more than it takes; for all else there are threads of our own. A request larger than a
slice takes a turn for each.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import accumulate, islice
from typing import Protocol

from cloud_runtime.errors import CallCancelledError, DeadlineError
from cloud_runtime.serving.batches import Arrays, BatchPolicy, join, joinable, part, rows
from cloud_runtime.serving.statistics import ModelStatistics, Timing

_now = time.monotonic_ns
_SHORT = 10_000_000  # nanoseconds that a thread with other duties may spend on a run


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
        if self.deadline is not None and _now() >= self.deadline:
            return DeadlineError("The call's deadline passed before it was run.")
        return None


_Batch = list[tuple[Call, int]]  # calls, each with so many of its samples


class _Line(deque[Call]):
    """One client's calls in order. ``yields``: samples of others that may step in before its next turn."""

    yields = 0


class TurnQueue:
    """Runs requests, at most ``slots`` at a time. Safe to use from many threads.

    Args:
        slots: runs at a time; each has a thread, beside those that come to work().
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._wanted, self._arrival = threading.Condition(self._lock), threading.Condition(self._lock)
        self._free, self._idle, self._lingering = slots, 0, 0
        self._stopped = False
        self._lines: OrderedDict[str, _Line] = OrderedDict()  # in the order of their turns
        for number in range(slots):
            threading.Thread(target=self._serve, name=f"run {number}", daemon=True).start()

    def submit(self, call: Call, end: Callable[[], object], *, works: bool = False) -> None:
        """Put a call in line.

        Args:
            call: a new one.
            end: called once it is done, on a thread that others wait for: ``call.result()`` then tells.
            works: whether the caller comes to work() next, so that nobody has to be woken.

        Raises:
            DeadlineError: its deadline has passed.
            CallCancelledError: it was cancelled.
        """
        with self._lock:
            if error := call.over():
                try:
                    raise error
                finally:
                    del error  # its traceback holds this frame
            call.expect(end)
            self._append(call)
            if not works:
                self._wake()
            if self._lingering:
                self._arrival.notify_all()

    def waits(self) -> bool:
        """Tell whether a call is in line."""
        return bool(self._lines)

    def work(self) -> bool:
        """Run one batch here and now, if a slot is free and it won't take long; False where none was."""
        with self._lock:
            if not (self._lines and self._free):
                return False
            if not _is_short(next(iter(self._lines.values()))[0].model):
                self._wake()
                return False
            expired, batch = self._take()
        self._run(expired, batch)
        return True

    def run(self, call: Call) -> Arrays:
        """Wait for the call's turn and its run, and return its outputs by name.

        Raises:
            DeadlineError: its deadline passed while it waited.
            CallCancelledError: cancel() was called while it waited.
            GraphError: the run failed.
        """
        gate = threading.Lock()
        gate.acquire()
        self.submit(call, gate.release)
        if call.deadline is not None and not gate.acquire(timeout=max(0, call.deadline - _now()) / 1e9):
            with self._lock:
                waited = self._remove(call)
            if waited:
                raise DeadlineError("The call's deadline passed while it waited for its turn.")
            gate.acquire()  # somebody works on it
        elif call.deadline is None:
            gate.acquire()
        return call.result()

    def cancel(self, call: Call) -> None:
        """Take a waiting call out of the queue. One that runs already is left to end."""
        with self._lock:
            call.cancelled = True
            waited = self._remove(call)
        if waited:
            call.fail(CallCancelledError("The call was cancelled."))
            call.finish()

    def stop(self) -> None:
        """End the threads, once nobody waits."""
        with self._lock:
            self._stopped = True
            self._wanted.notify_all()

    def _serve(self) -> None:
        """Run batches until the end."""
        while True:
            with self._lock:
                while not (self._lines and self._free):
                    if self._stopped:
                        return
                    self._idle += 1
                    self._wanted.wait()
                    self._idle -= 1
                expired, batch = self._take()
            self._run(expired, batch)
            del expired, batch  # not to be kept while there is nothing to do

    def _wake(self) -> None:
        """Have one of our threads look, if a slot is free; whoever has one looks again after its run."""
        if self._free and self._idle:
            self._wanted.notify()

    def _take(self) -> tuple[list[Call], _Batch]:
        """Take a slot, the calls whose time is over, and what to run, if there is any."""
        self._free -= 1
        expired: list[Call] = []
        batch: _Batch = []
        while self._lines and not batch:
            call = self._pop()
            if error := call.over():
                call.fail(error)
                expired.append(call)
            else:
                batch = self._collect(call)
        if self._lines:
            self._wake()  # there is enough for another slot
        return expired, batch

    def _run(self, expired: list[Call], batch: _Batch) -> None:
        """Run what was taken, tell everybody, and give the slot back."""
        if batch:
            _execute(batch)
        for call in expired:
            call.finish()
        for call, _ in batch:
            if call.done:
                call.finish()
        with self._lock:
            self._free += 1
            if batch and not batch[0][0].done:
                self._append(batch[0][0], again=True)  # for its next slice

    def _collect(self, call: Call) -> _Batch:
        policy = call.model.policy
        limit = policy.limit if policy.joins else call.left
        size = _turn(call)
        if not (policy.joins and self._lines):
            return [(call, size)]
        if policy.delay_us and self._waiting(call, limit - size):
            self._linger(call, size)
        others = self._joining(call, limit - size)
        count = _count_to_join([size, *(other.left for other in others)], policy)
        for other in others[:count]:
            self._remove(other)
        return [(call, size), *((other, other.left) for other in others[:count])]

    def _linger(self, call: Call, size: int) -> None:
        """Wait, under the lock, for a batch worth running, at most until the oldest has waited its delay."""
        policy, until = call.model.policy, call.since + call.model.policy.delay_ns
        self._lingering += 1
        while (remaining := until - _now()) > 0:
            if size + self._waiting(call, policy.wanted - size) >= policy.wanted:
                break
            self._arrival.wait(remaining / 1e9)
        self._lingering -= 1

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
        line = self._lines.get(call.client)
        if line is None:
            line = self._lines[call.client] = _Line()
            if again:
                line.yields = _turn(call)
            else:
                self._step_in(_turn(call))
        if again:  # what a client began first, it gets first
            line.appendleft(call)
        else:
            line.append(call)
        call.model.statistics.queued(1)

    def _step_in(self, size: int) -> None:
        """Let the last line go before those that have had a turn and want more, each as much as it had.

        Whoever asks for little waits for the run under way and not for the next slice of a flood as well,
        and whoever floods keeps half of the time.
        """
        passed: list[str] = []
        for client, line in islice(reversed(self._lines.items()), 1, None):
            if line.yields < size:
                break
            line.yields -= size
            passed.append(client)
        for client in reversed(passed):
            self._lines.move_to_end(client)

    def _remove(self, call: Call) -> bool:
        line = self._lines.get(call.client)
        if line is None or call not in line:
            return False
        line.remove(call)
        if not line:
            del self._lines[call.client]
        call.model.statistics.queued(-1)
        return True

    def _pop(self) -> Call:
        """Take the next client's oldest call, and let that client wait for the others."""
        client, line = next(iter(self._lines.items()))
        call = line.popleft()
        if line:
            self._lines.move_to_end(client)
            line.yields = _turn(call)
        else:
            del self._lines[client]
        call.model.statistics.queued(-1)
        return call


def _turn(call: Call) -> int:
    """Samples of a call that are run in one turn."""
    return min(call.left, call.model.policy.slice or call.left)


def _is_short(model: Model) -> bool:
    """Tell whether the next run will be over soon, as far as the last two tell, without waiting for more."""
    return 0 < model.statistics.usual_run <= _SHORT and not model.policy.delay_us


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
