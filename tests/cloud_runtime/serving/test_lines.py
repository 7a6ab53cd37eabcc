"""Whose turn it is, against a naive account: clients in rotation, each one's calls in the order they came."""

from types import SimpleNamespace

import numpy as np
import pytest

from cloud_runtime.serving.batches import BatchPolicy
from cloud_runtime.serving.call import Call
from cloud_runtime.serving.lines import Lines
from cloud_runtime.serving.statistics import ModelStatistics


@pytest.fixture
def model():
    return SimpleNamespace(policy=BatchPolicy(joins=True, limit=8, slice=4), statistics=ModelStatistics())


def new_call(model, client, size=1):
    return Call(model, {"x": np.ones((size, 1), np.float32)}, client)


def names(calls):
    return "".join(call.client for call in calls)


def test_clients_take_turns_and_each_ones_calls_keep_their_order(model):
    lines = Lines()
    calls = [new_call(model, client) for client in "aaabbc"]
    for call in calls:
        lines.append(call)
    popped = [lines.pop() for _ in calls]
    assert names(popped) == "abcaba"
    for client in "abc":
        assert [call for call in popped if call.client == client] == [c for c in calls if c.client == client]
    assert not lines


def test_who_comes_new_goes_before_the_next_slice_of_who_just_had_one(model):
    lines = Lines()
    flood = [new_call(model, "f", 8) for _ in range(2)]
    for call in flood:
        lines.append(call)
    assert lines.pop() is flood[0]
    for client in "abcde":
        lines.append(new_call(model, client))
    assert names(lines.pop() for _ in range(6)) == "abcdfe"  # four samples: as many as the flood's turn had


def test_a_call_between_two_slices_goes_on_before_its_clients_others(model):
    lines = Lines()
    first, second = new_call(model, "f", 8), new_call(model, "f")
    lines.append(first)
    lines.append(second)
    assert lines.pop() is first
    first.take(4)
    lines.append(first, again=True)
    assert lines.first() is first
    assert [lines.pop(), lines.pop()] == [first, second]


def test_what_joins_fits_the_room_and_comes_from_every_client(model):
    lines = Lines()
    for client, size in (("a", 2), ("a", 1), ("b", 6), ("c", 1)):
        lines.append(new_call(model, client, size))
    assert names(lines.joining(new_call(model, "z"), 4)) == "aca"


def test_a_call_that_was_removed_is_counted_out_and_not_found_again(model):
    lines = Lines()
    call = new_call(model, "a")
    lines.append(call)
    assert model.statistics.snapshot().pending == 1
    assert lines.remove(call)
    assert not lines.remove(call)
    assert model.statistics.snapshot().pending == 0
    assert not lines
