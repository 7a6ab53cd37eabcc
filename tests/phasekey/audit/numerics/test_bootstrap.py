import numpy as np
import pytest

from phasekey.audit.numerics.bootstrap import mean_interval, two_sample_interval


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        _, low, high = mean_interval(rng.exponential(size=200), trial)
        held += low <= 1 <= high
    # 95 % of 200 are 190, standard deviation 3.1; the percentile bootstrap is a little narrow.
    assert 176 <= held <= 199


def test_agrees_with_the_normal_interval_of_a_mean() -> None:
    rows = np.random.default_rng(1).standard_normal(900)
    value, low, high = mean_interval(rows, 0)
    assert value == rows.mean()
    spread = 1.96 * rows.std() / 30
    assert low == pytest.approx(rows.mean() - spread, abs=0.15 * spread)
    assert high == pytest.approx(rows.mean() + spread, abs=0.15 * spread)


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = np.random.default_rng(2).random(50)
    assert mean_interval(rows, 3) == mean_interval(rows, 3)
    assert mean_interval(rows, 3) != mean_interval(rows, 4)


def test_equal_rows_leave_no_doubt() -> None:
    assert mean_interval(np.full(10, 0.25), 0) == (0.25, 0.25, 0.25)


def test_two_samples_are_resampled_each_for_itself() -> None:
    one, two = np.zeros(5), np.ones(300)
    assert two_sample_interval(lambda a, b: len(b) - len(a) + float(b.mean() - a.mean()), one, two, 0) == (
        296.0,
        296.0,
        296.0,
    )
