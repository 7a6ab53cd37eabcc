"""Counts of runs, and what a run usually takes."""

from cloud_runtime.serving.statistics import ModelStatistics


def test_one_run_that_was_held_up_does_not_count_as_usual():
    statistics, usual = ModelStatistics(), []
    assert statistics.usual_run == 0
    for nanoseconds in (5, 6, 900, 7, 900, 900, 8):
        statistics.ran(1, 0, nanoseconds, 0)
        usual.append(statistics.usual_run)
    assert usual == [5, 5, 6, 7, 7, 900, 8]
    assert statistics.snapshot().runs[1].compute_infer == 2726
