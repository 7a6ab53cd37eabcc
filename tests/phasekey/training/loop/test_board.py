import importlib.util

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from phasekey.training.errors import TrainingError
from phasekey.training.loop.board import Board
from phasekey.training.loop.metrics import EpochMetrics

METRICS = [EpochMetrics(n, 1 / n, 0.5, 0.25, 0.75, 2.0, {"critic_gap": n / 10}) for n in (1, 2)]


def test_figures_of_each_epoch_reach_tensorboard(tmp_path):
    with Board(tmp_path) as board:
        for metrics in METRICS:
            board.add(metrics)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 1.0), (2, 0.5)]
    assert [e.value for e in events.Scalars("defence/critic_gap")] == pytest.approx([0.1, 0.2])
    assert events.Scalars("accuracy/test_rotated")[0].value == 0.25


def test_nobody_who_did_not_ask_gets_files(tmp_path):
    with Board(None) as board:
        board.add(METRICS[0])
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr("phasekey.training.loop.board.find_spec", lambda _: None)
    with pytest.raises(TrainingError, match=r"--tensorboard needs .*phasekey\[tensorboard\]"):
        Board(tmp_path)
    assert importlib.util.find_spec("tensorboard") is not None
