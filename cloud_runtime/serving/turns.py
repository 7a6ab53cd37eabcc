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
from collections.abc import Callable
from itertools import accumulate

from cloud_runtime.errors import CallCancelledError, DeadlineError
from cloud_runtime.serving.batches import Arrays, BatchPolicy, join, part
from cloud_runtime.serving.call import Call, Model
from cloud_runtime.serving.lines import Lines

_now = time.monotonic_ns
_SHORT = 10_000_000  # nanoseconds that a thread with other duties may spend on a run


_Batch = list[tuple[Call, int]]  # calls, each with so many of its samples


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
        self._lines = Lines()
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
            self._lines.append(call)
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
            if not _is_short(self._lines.first().model):
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
                waited = self._lines.remove(call)
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
            waited = self._lines.remove(call)
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
            call = self._lines.pop()
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
                self._lines.append(batch[0][0], again=True)  # for its next slice

    def _collect(self, call: Call) -> _Batch:
        policy = call.model.policy
        limit = policy.limit if policy.joins else call.left
        size = call.turn
        if not (policy.joins and self._lines):
            return [(call, size)]
        if policy.delay_us and self._waiting(call, limit - size):
            self._linger(call, size)
        others = self._lines.joining(call, limit - size)
        count = _count_to_join([size, *(other.left for other in others)], policy)
        for other in others[:count]:
            self._lines.remove(other)
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
        return sum(other.left for other in self._lines.joining(call, room))


def _is_short(model: Model) -> bool:
    """Tell whether the next run will be over soon, as far as the last two tell, without waiting for more."""
    return 0 < model.statistics.usual_run <= _SHORT and not model.policy.delay_us


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
