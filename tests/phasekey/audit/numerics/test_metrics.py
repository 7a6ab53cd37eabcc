"""Against loops that anyone can follow, values by hand, and levels of chance that follow from geometry."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasekey.audit.numerics import metrics

ANGLES = st.floats(-20, 20, allow_nan=False)


def images(count: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, side, side, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("period", "chance"), [(2 * np.pi, np.pi / 2), (np.pi, np.pi / 4), (np.pi / 2, np.pi / 8)]
)
def test_who_knows_nothing_errs_by_a_quarter_of_the_circle(period: float, chance: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 2 * np.pi, 40_000)
    for guess in (np.zeros(1), rng.uniform(0, 2 * np.pi, len(truth))):
        errors = metrics.circular_error(guess, truth, period)
        assert errors.mean() == pytest.approx(chance, abs=4 * period / np.sqrt(12 * 4 * len(truth)))
        assert errors.max() <= period / 2


@given(guess=ANGLES, truth=ANGLES, turns=st.integers(-3, 3), fold=st.sampled_from([1, 2, 4]))
@settings(max_examples=100, deadline=None)
def test_circular_error_is_the_shorter_way_round(guess: float, truth: float, turns: int, fold: int) -> None:
    period = 2 * math.pi / fold
    (found,) = metrics.circular_error(np.array([guess + turns * period]), np.array([truth]), period)
    steps = [abs(guess - truth + k * period) for k in range(-60, 61)]
    assert found == pytest.approx(min(steps), abs=1e-9)


def test_a_sign_is_an_error_of_pi_and_none_modulo_pi() -> None:
    truth = np.array([0.1, 3.0])
    np.testing.assert_allclose(metrics.circular_error(truth + np.pi, truth), np.pi)
    np.testing.assert_allclose(metrics.circular_error(truth + np.pi, truth, np.pi), 0, atol=1e-12)


def test_errors_of_images_by_loops() -> None:
    guess, truth = images(3, 5, 2), images(3, 5, 2, seed=1)
    for row in range(3):
        differences = [float(a) - float(b) for a, b in zip(guess[row].flat, truth[row].flat, strict=True)]
        square = sum(d * d for d in differences) / len(differences)
        absolute = sum(abs(d) for d in differences) / len(differences)
        assert metrics.squared_error(guess, truth)[row] == pytest.approx(square, rel=1e-5)
        assert metrics.absolute_error(guess, truth)[row] == pytest.approx(absolute, rel=1e-5)
        assert metrics.psnr(guess, truth)[row] == pytest.approx(10 * math.log10(1 / square), rel=1e-5)


def test_psnr_of_the_same_image_is_capped_and_of_a_tenth_off_is_20_db() -> None:
    black = np.zeros((1, 4, 4, 1), np.float32)
    assert metrics.psnr(black, black) == metrics.PSNR_CAP
    assert metrics.psnr(black + 0.1, black) == pytest.approx(20, abs=1e-5)


def naive_ssim(one: np.ndarray, two: np.ndarray, size: int) -> float:
    """Equation 13 of Wang et al. 2004, window by window."""
    offsets = range(-(size // 2), size // 2 + 1)
    weights = {(y, x): math.exp(-(y * y + x * x) / (2 * 1.5**2)) for y in offsets for x in offsets}
    total = sum(weights.values())
    values = []
    for channel in range(one.shape[2]):
        for row in range(size // 2, one.shape[0] - size // 2):
            for column in range(size // 2, one.shape[1] - size // 2):
                near = [
                    (
                        w / total,
                        float(one[row + y, column + x, channel]),
                        float(two[row + y, column + x, channel]),
                    )
                    for (y, x), w in weights.items()
                ]
                mean_one, mean_two = sum(w * a for w, a, _ in near), sum(w * b for w, _, b in near)
                spread_one = sum(w * (a - mean_one) ** 2 for w, a, _ in near)
                spread_two = sum(w * (b - mean_two) ** 2 for w, _, b in near)
                shared = sum(w * (a - mean_one) * (b - mean_two) for w, a, b in near)
                light = (2 * mean_one * mean_two + 1e-4) / (mean_one**2 + mean_two**2 + 1e-4)
                values.append(light * (2 * shared + 9e-4) / (spread_one + spread_two + 9e-4))
    return sum(values) / len(values)


@pytest.mark.parametrize(("side", "channels", "window"), [(13, 2, 11), (8, 1, 7), (5, 1, 5)])
def test_ssim_by_loops_over_windows(side: int, channels: int, window: int) -> None:
    truth = images(2, side, channels)
    guess = 0.7 * truth + 0.3 * images(2, side, channels, seed=1)
    found = metrics.ssim(guess, truth)
    for row in range(2):
        assert found[row] == pytest.approx(naive_ssim(guess[row], truth[row], window), abs=1e-6)


def test_ssim_is_one_of_the_same_and_falls_with_noise() -> None:
    truth = images(600, 12, 1)  # more than one block
    noise = images(600, 12, 1, seed=1)
    same, little, much = (metrics.ssim(truth * (1 - w) + noise * w, truth) for w in (0, 0.2, 0.8))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    assert len(little) == 600
    assert (much < little).all()
    assert (little < same).all()


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_the_best_of_some_guesses_does_not_depend_on_their_order(rows: list[list[float]]) -> None:
    errors = np.array(rows)
    shuffled = errors[:, np.random.default_rng(0).permutation(3)]
    np.testing.assert_array_equal(metrics.best_of(errors), [min(row) for row in rows])
    np.testing.assert_array_equal(metrics.best_of(shuffled), metrics.best_of(errors))


def test_cosines_by_hand() -> None:
    one = np.array([[[3.0, 0.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    two = np.array([[[0.0, 2.0]], [[-2.0, -2.0]], [[1.0, 0.0]]])
    np.testing.assert_allclose(metrics.cosine(one, two), [0, -1, 0], atol=1e-12)


def test_mistakes_and_majorities() -> None:
    labels = np.array([2, 1, 2, 0])
    np.testing.assert_array_equal(metrics.mistakes(np.array([2, 2, 2, 0]), labels), [0, 1, 0, 0])
    assert metrics.majority(labels) == 2
    attributes = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(metrics.majority(attributes), [1, 0, 1])
    np.testing.assert_allclose(metrics.mistakes(np.array([[1, 0, 1]] * 3), attributes), [0, 1 / 3, 1 / 3])
    assert metrics.mistakes(metrics.majority(labels), labels).mean() == 0.5


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12), st.lists(st.integers(0, 4), min_size=1, max_size=12)
)
@settings(max_examples=100, deadline=None)
def test_auc_counts_pairs(outside: list[int], inside: list[int]) -> None:
    wins = sum((i > o) + 0.5 * (i == o) for i in inside for o in outside)
    found = metrics.area_under_curve(np.array(outside), np.array(inside))
    assert found == pytest.approx(wins / len(inside) / len(outside))


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), min_size=1, max_size=30)
)
@settings(max_examples=100, deadline=None)
def test_true_positives_never_cost_more_false_ones_than_allowed(
    outside: list[int], inside: list[int]
) -> None:
    allowed = 0.2
    rates = [
        sum(i > threshold for i in inside) / len(inside)
        for threshold in {*outside, *inside, -1}
        if sum(o > threshold for o in outside) <= allowed * len(outside)
    ]
    found = metrics.true_positives_at(np.array(outside), np.array(inside), allowed)
    assert found == pytest.approx(max(rates))


def test_scores_without_information_are_at_chance() -> None:
    outside, inside = np.random.default_rng(0).random((2, 50_000))
    assert metrics.area_under_curve(outside, inside) == pytest.approx(0.5, abs=0.01)
    assert metrics.true_positives_at(outside, inside, 0.01) == pytest.approx(0.01, abs=0.003)
