"""The soak's short form: what is promised of ten minutes is held for some seconds at each change."""

import numpy as np
import pytest

from benchmarks.soak.callers import Caller, InProcess, Tally
from benchmarks.soak.command import render, soak
from benchmarks.soak.events import Memory

SECONDS, CALLERS = 8.0, 4


@pytest.fixture
def bundle(new_export):
    """One that hides each input among others of an archive."""
    return new_export(kind="permutation", components=4, archive=True).edge.parent


def test_nothing_is_lost_while_everything_changes(bundle, tmp_path) -> None:
    folder = tmp_path / "soak"
    folder.mkdir()
    found = soak(bundle, folder, seconds=SECONDS, callers=CALLERS)
    assert found.lost == {}
    assert [outcome.event for outcome, _, _ in found.events] == [
        "rolling restart of both servers",
        "certificate rotated",
        "version rolled forward",
        "version rolled back",
        "decoys used up",
    ]
    for outcome, _, lost in found.events:
        assert outcome.good, outcome
        assert lost == 0
    assert found.events[0][1] > CALLERS  # answers while the servers went down and up
    assert found.right > 100
    assert found.good
    assert "**no**" not in render(found)


def test_a_wrong_answer_counts_as_lost(bundle, tmp_path) -> None:
    """The callers' check can fail: here the cloud's answer is another's."""
    graph = next((bundle / "cloud").glob("*/1/model.onnx"))
    caller = Caller(bundle, graph, tmp_path, 0, transport=Lying(graph))
    tally = Tally()
    caller.run(OnlySome(20), tally)
    assert tally.lost == {"wrong answer": 20}


class Lying(InProcess):
    def infer(self, x):
        h = super().infer(x)
        return np.ascontiguousarray(-10 * h[::-1])


class OnlySome:
    """An event that is set after so many looks: one before each call, and one before each client."""

    def __init__(self, count: int) -> None:
        self._left = count + 1

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_memory_that_grows_is_no_flat_memory() -> None:
    flat, growing = [(100.0, 90.0)] * 40, [(100.0, 90.0 + step) for step in range(40)]
    assert Memory(flat).growth == 0
    assert Memory(growing).growth == pytest.approx(20)
