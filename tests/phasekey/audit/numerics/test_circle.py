import numpy as np
import pytest

from phasekey.audit.numerics.circle import best_guess, grid, guess_list, mean_angle, sharpest, softmax
from phasekey.audit.numerics.metrics import circular_error


def bump(centre: float, sharpness: float, count: int = 64) -> np.ndarray:
    """A von Mises law on the grid, (1, count)."""
    return softmax(sharpness * np.cos(grid(count) - centre)[None])


@pytest.mark.parametrize("centre", [0.0, 1.234, 3.2, 6.27])
def test_guesses_the_middle_between_angles_of_the_grid(centre: float) -> None:
    assert circular_error(best_guess(bump(centre, 60.0)), np.array([centre]))[0] < 0.01
    assert circular_error(sharpest(np.log(bump(centre, 20.0))), np.array([centre]))[0] < 0.002


def test_two_opposite_angles_are_one_modulo_pi() -> None:
    both = (bump(1.0, 40.0) * 0.5 + bump(1.0 + np.pi, 40.0) * 0.5).astype(np.float32)
    assert circular_error(best_guess(both, 2), np.array([1.0]), np.pi)[0] < 0.02


def test_best_guess_errs_least_of_all_angles() -> None:
    rng = np.random.default_rng(0)
    posterior = softmax(rng.standard_normal((20, 64)) * 2)
    angles = grid(64)
    costs = np.abs((angles[:, None] - angles[None] + np.pi) % (2 * np.pi) - np.pi)
    expected = np.array([[(row * costs[guess]).sum() for guess in range(64)] for row in posterior])
    found = best_guess(posterior)
    nearest = np.rint(found / (2 * np.pi) * 64).astype(int) % 64
    assert (np.abs((nearest - expected.argmin(1) + 32) % 64 - 32) <= 1).all()


def test_knowing_nothing_spreads_the_list_evenly() -> None:
    flat = np.full((2, 64), 1 / 64, np.float32)
    np.testing.assert_allclose(np.diff(guess_list(flat, 16)), 2 * np.pi / 16, atol=1e-6)


def test_the_list_gathers_where_the_posterior_is() -> None:
    found = guess_list(bump(2.0, 50.0), 16)[0]
    errors = circular_error(found, np.full(16, 2.0))
    assert np.median(errors) < 0.5
    assert errors.min() < 0.05


def test_the_mean_angle_heeds_the_seam_of_the_circle() -> None:
    assert mean_angle(np.array([0.1, 2 * np.pi - 0.3])) == pytest.approx(-0.1)
