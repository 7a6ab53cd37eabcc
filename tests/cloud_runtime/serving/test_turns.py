"""Turns, joins and slices, against runs of one request alone."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from cloud_runtime.errors import CallCancelledError, DeadlineError
from cloud_runtime.serving.batches import BatchPolicy
from cloud_runtime.serving.call import Call
from cloud_runtime.serving.statistics import ModelStatistics
from cloud_runtime.serving.turns import TurnQueue


class Recorder:
    """A model that doubles, notes every run's samples, and waits in each run until it is let."""

    def __init__(self, policy: BatchPolicy, held: bool = True) -> None:
        self.policy, self.statistics, self.runs = policy, ModelStatistics(), []
        self.entered, self._go = threading.Semaphore(0), threading.Semaphore(0)
        self._held = held

    def run(self, inputs):
        self.runs.append(inputs["x"][:, 0].tolist())
        self.entered.release()
        if self._held:
            assert self._go.acquire(timeout=30)
        return {"h": inputs["x"] * 2}

    def let(self, runs: int = 1) -> None:
        self._go.release(runs)


class Caller(threading.Thread):
    """One request on a thread of its own."""

    def __init__(self, queue: TurnQueue, call: Call) -> None:
        super().__init__(daemon=True)
        self.queue, self.call, self.error, self.outputs = queue, call, None, None
        self.start()

    def run(self) -> None:
        try:
            self.outputs = self.queue.run(self.call)
        except Exception as error:
            self.error = error

    def answer(self):
        self.join(30)
        assert not self.is_alive()
        if self.error:
            raise self.error
        return self.outputs["h"][:, 0].tolist()


def make_call(model, values, client="a", deadline=None):
    return Call(model, {"x": np.array(values, np.float32)[:, None]}, client, deadline)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def ask(queue, model, values, client="a", **options):
    """Start a request and wait until it is in the queue."""
    before = model.statistics.snapshot().pending
    caller = Caller(queue, make_call(model, values, client, **options))
    until(lambda: model.statistics.snapshot().pending > before)
    return caller


JOINS = BatchPolicy(joins=True, limit=8)


@pytest.fixture
def busy():
    """A queue with one slot and a run under way: busy(policy) → (queue, model, the first caller)."""

    def start(policy):
        queue, model = TurnQueue(1), Recorder(policy)
        first = Caller(queue, make_call(model, [0]))
        assert model.entered.acquire(timeout=30)
        return queue, model, first

    return start


def test_what_finds_the_server_idle_runs_at_once_whatever_the_delay():
    model = Recorder(BatchPolicy(joins=True, limit=8, preferred=(8,), delay_us=10**9), held=False)
    assert Caller(TurnQueue(1), make_call(model, [1, 2])).answer() == [2, 4]


def test_what_waits_is_joined_and_parted_again(busy):
    queue, model, first = busy(JOINS)
    others = [ask(queue, model, [index, index + 0.5], f"client {index}") for index in (1, 2, 3)]
    model.let(2)
    assert first.answer() == [0]
    assert [other.answer() for other in others] == [[2, 3], [4, 5], [6, 7]]
    assert model.runs == [[0], [1, 1.5, 2, 2.5, 3, 3.5]]
    assert {size: run.count for size, run in model.statistics.snapshot().runs.items()} == {1: 1, 6: 1}


def test_a_batch_never_exceeds_the_limit(busy):
    queue, model, _ = busy(JOINS)
    for index in range(1, 4):
        ask(queue, model, [index] * 3, f"client {index}")
    model.let(3)
    until(lambda: len(model.runs) == 3)
    assert [len(run) for run in model.runs] == [1, 6, 3]


def test_without_joining_each_runs_alone(busy):
    queue, model, _ = busy(BatchPolicy(limit=8))
    ask(queue, model, [1])
    ask(queue, model, [2])
    model.let(3)
    until(lambda: len(model.runs) == 3)
    assert model.runs == [[0], [1], [2]]


def test_models_and_shapes_are_not_mixed(busy):
    queue, model, _ = busy(JOINS)
    other = Recorder(JOINS)
    ask(queue, model, [1])
    ask(queue, other, [5])
    wide = Call(model, {"x": np.ones((1, 2), np.float32)}, "c")
    Caller(queue, wide)
    until(lambda: model.statistics.snapshot().pending == 2)
    model.let(3), other.let()
    until(lambda: len(model.runs) == 3 and len(other.runs) == 1)
    assert all(len(run) == 1 for run in model.runs + other.runs)


def test_clients_take_turns_however_much_one_sends(busy):
    queue, model, _ = busy(BatchPolicy(limit=8))
    for value in (1, 2, 3):
        ask(queue, model, [value], "flood")
    ask(queue, model, [10], "other")
    model.let(5)
    until(lambda: len(model.runs) == 5)
    assert model.runs == [[0], [1], [10], [2], [3]]


def test_who_comes_new_waits_for_the_run_under_way_and_not_for_a_floods_next(busy):
    queue, model, _ = busy(BatchPolicy(slice=2, limit=2))
    for value in (1, 2, 3):
        ask(queue, model, [value, value + 0.5], "flood")
    model.let()
    until(lambda: len(model.runs) == 2)  # the flood has its turn, and more in line
    ask(queue, model, [10], "other")
    model.let(4)
    until(lambda: len(model.runs) == 5)
    assert model.runs == [[0], [1, 1.5], [10], [2, 2.5], [3, 3.5]]


def test_a_flood_lets_no_more_samples_pass_than_it_had_itself(busy):
    """However many come new: who connects anew for each request gets half of the time at most."""
    queue, model, _ = busy(BatchPolicy(slice=2, limit=2))
    for value in (1, 2, 3):
        ask(queue, model, [value, value + 0.25, value + 0.5, value + 0.75], "flood")
    model.let()
    until(lambda: len(model.runs) == 2)
    for number in range(1, 5):
        ask(queue, model, [10 * number], f"other {number}")
    model.let(5)
    until(lambda: len(model.runs) == 7)
    assert model.runs[1:] == [[1, 1.25], [10], [20], [1.5, 1.75], [30], [40]]


def test_a_large_request_takes_a_turn_for_each_slice(busy):
    queue, model, _ = busy(BatchPolicy(slice=2, limit=2))
    large = ask(queue, model, [1, 2, 3, 4, 5], "large")
    small = ask(queue, model, [10], "small")
    model.let(5)
    assert large.answer() == [2, 4, 6, 8, 10]
    assert small.answer() == [20]
    assert model.runs == [[0], [1, 2], [10], [3, 4], [5]]


def test_small_requests_ride_along_with_a_large_ones_slices(busy):
    queue, model, _ = busy(BatchPolicy(joins=True, slice=2, limit=4))
    large = ask(queue, model, [1, 2, 3, 4, 5], "large")
    small = [ask(queue, model, [value], f"small {value}") for value in (10, 20, 30)]
    model.let(3)
    assert large.answer() == [2, 4, 6, 8, 10]
    assert [caller.answer() for caller in small] == [[20], [40], [60]]
    assert model.runs == [[0], [1, 2, 10, 20], [30, 3, 4, 5]]


def test_preferred_sizes_are_made_where_they_can_be(busy):
    queue, model, _ = busy(BatchPolicy(joins=True, limit=8, preferred=(2, 4)))
    for index in range(1, 6):
        ask(queue, model, [index], f"client {index}")
    model.let(3)
    until(lambda: len(model.runs) == 3)
    assert [len(run) for run in model.runs] == [1, 4, 1]


def test_the_delay_waits_for_company_and_ends_with_it(busy):
    queue, model, first = busy(BatchPolicy(joins=True, limit=3, preferred=(3,), delay_us=20_000_000))
    ask(queue, model, [1], "b")
    ask(queue, model, [2], "c")
    model.let(2)
    first.answer()
    until(lambda: model.statistics.snapshot().pending == 1)  # b leads and lingers, c waits to be taken along
    Caller(queue, make_call(model, [3], "d"))
    until(lambda: len(model.runs) == 2)
    assert model.runs[1] == [1, 2, 3]


def test_the_delay_ends_by_itself(busy):
    queue, model, _ = busy(BatchPolicy(joins=True, limit=8, preferred=(8,), delay_us=1000))
    ask(queue, model, [1], "b")
    ask(queue, model, [2], "c")
    model.let(2)
    until(lambda: len(model.runs) == 2)
    assert model.runs[1] == [1, 2]


def test_what_expires_in_the_queue_is_never_run(busy):
    queue, model, first = busy(JOINS)
    late = ask(queue, model, [1], deadline=time.monotonic_ns() + 50_000_000)
    with pytest.raises(DeadlineError):
        late.answer()
    model.let()
    first.answer()
    assert model.runs == [[0]]
    assert model.statistics.snapshot().pending == 0


def test_what_is_expired_already_does_not_start():
    model = Recorder(JOINS, held=False)
    with pytest.raises(DeadlineError):
        TurnQueue(1).run(make_call(model, [1], deadline=time.monotonic_ns() - 1))
    assert model.runs == []


def test_what_is_cancelled_in_the_queue_is_never_run(busy):
    queue, model, first = busy(JOINS)
    caller = ask(queue, model, [1])
    queue.cancel(caller.call)
    with pytest.raises(CallCancelledError):
        caller.answer()
    queue.cancel(caller.call)  # once more does no harm
    model.let()
    first.answer()
    assert model.runs == [[0]]


def test_a_cancelled_request_stops_between_its_slices(busy):
    queue, model, _ = busy(BatchPolicy(slice=1, limit=1))
    caller = ask(queue, model, [1, 2, 3])
    model.let()
    until(lambda: len(model.runs) == 2)
    queue.cancel(caller.call)
    model.let()
    with pytest.raises(CallCancelledError):
        caller.answer()
    assert model.runs == [[0], [1]]


def test_a_run_that_fails_fails_those_in_it_and_nobody_after(busy):
    queue, model, first = busy(JOINS)
    double, model.run = model.run, None
    others = [ask(queue, model, [1], "b"), ask(queue, model, [2], "c")]

    def fail(inputs):
        raise RuntimeError

    model.run = fail
    model.let()
    first.answer()
    for other in others:
        with pytest.raises(RuntimeError):
            other.answer()
    model.run = double
    model.let()
    assert Caller(queue, make_call(model, [3])).answer() == [6]


def known(policy, held=False):
    """A queue with one slot and a model whose last run was short, so that work() may run it."""
    queue, model = TurnQueue(1), Recorder(policy, held=False)
    Caller(queue, make_call(model, [0])).answer()
    assert 0 < model.statistics.usual_run < 10_000_000
    model.runs.clear()
    model._held = held
    return queue, model


def test_who_brings_requests_runs_them_joined():
    queue, model = known(JOINS)
    calls, ended = [make_call(model, [index]) for index in (1, 2, 3)], []
    for call in calls:
        queue.submit(call, lambda call=call: ended.append((call, threading.current_thread())), works=True)
    assert queue.waits()
    assert queue.work()
    assert model.runs == [[1, 2, 3]]
    assert ended == [(call, threading.current_thread()) for call in calls]
    assert not queue.waits()
    assert not queue.work()


@pytest.mark.parametrize("why", ["never ran", "was long", "waits for company"])
def test_what_may_take_long_is_left_to_other_threads(why):
    policy = BatchPolicy(joins=True, limit=8, delay_us=1000 if why == "waits for company" else 0)
    queue, model = known(policy)
    model.statistics.usual_run = {"never ran": 0, "was long": 10**9}.get(why, 1)
    threads, done = [], threading.Event()
    queue.submit(
        make_call(model, [1]), lambda: (threads.append(threading.current_thread()), done.set()), works=True
    )
    assert not queue.work()
    assert done.wait(30)
    assert threads != [threading.current_thread()]


def test_a_slot_is_a_slot_whoever_has_it():
    queue, model = known(JOINS, held=True)
    worker = threading.Thread(target=lambda: queue.work(), daemon=True)
    queue.submit(make_call(model, [1]), bool, works=True)
    worker.start()
    assert model.entered.acquire(timeout=30) and model.entered.acquire(timeout=30)  # noqa: PT018 - known() ran one
    other = ask(queue, model, [2])  # one that nobody works for
    assert not queue.work()
    time.sleep(0.02)
    assert model.runs == [[1]]
    model.let(2)
    worker.join(30)
    queue.work()  # who had the slot looks again
    assert other.answer() == [4]


def test_what_one_thread_cannot_run_at_once_others_do():
    queue, model = TurnQueue(2), Recorder(BatchPolicy(limit=8), held=False)
    Caller(queue, make_call(model, [0])).answer()
    model._held = True
    done = threading.Semaphore(0)
    for value in (1, 2):
        queue.submit(make_call(model, [value], str(value)), done.release, works=True)
    threading.Thread(target=lambda: queue.work(), daemon=True).start()
    until(lambda: len(model.runs) == 3)  # both under way
    model.let(2)
    assert done.acquire(timeout=30)
    assert done.acquire(timeout=30)


def test_no_more_runs_at_once_than_slots():
    queue, model = TurnQueue(2), Recorder(BatchPolicy(limit=8))
    callers = [Caller(queue, make_call(model, [index], str(index))) for index in range(5)]
    until(lambda: len(model.runs) == 2)
    time.sleep(0.02)
    assert len(model.runs) == 2
    model.let(5)
    assert sorted(caller.answer()[0] for caller in callers) == [0, 2, 4, 6, 8]


def test_many_callers_each_get_their_own():
    queue, model = TurnQueue(2), Recorder(BatchPolicy(joins=True, slice=3, limit=3), held=False)
    callers = [
        Caller(queue, make_call(model, [index + row / 8 for row in range(1 + index % 5)], f"{index % 3}"))
        for index in range(60)
    ]
    for index, caller in enumerate(callers):
        assert caller.answer() == [2 * (index + row / 8) for row in range(1 + index % 5)]
    assert model.statistics.snapshot().pending == 0
    assert max(map(len, model.runs)) <= 3


@pytest.mark.parametrize("fate", ["run", "in slices", "failed", "expired", "cancelled"])
def test_a_call_that_is_done_lets_go_of_its_message_at_once(busy, fate):
    """Without a garbage collection, and whoever still holds the call."""
    queue, model, first = busy(BatchPolicy(slice=2 if fate == "in slices" else 0))
    deadline = time.monotonic_ns() + 200_000_000 if fate == "expired" else None
    call = make_call(model, [1, 2, 3], "b", deadline)
    message, done = weakref.ref(call.inputs["x"]), threading.Event()
    gc.disable()
    try:
        queue.submit(call, done.set)
        if fate == "cancelled":
            queue.cancel(call)
        if fate == "failed":
            del call.inputs["x"]
        if fate == "expired":
            until(lambda: time.monotonic_ns() > deadline)
        model.let(3)
        assert done.wait(30)
        until(lambda: message() is None)
        rest = weakref.ref(model)
        with contextlib.suppress(KeyError, DeadlineError, CallCancelledError):
            call.result()
        first.join(30)
        del call, first, model
        until(lambda: rest() is None)  # no circle through the error's traceback either
    finally:
        gc.enable()
