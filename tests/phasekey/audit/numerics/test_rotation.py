import numpy as np
import pytest

from phasekey.audit.numerics.rotation import cosines, hide, major_axis, parts, turn, unrotate
from sdk import secrets
from sdk.secrets.matrices import rotations


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    feature, decoy = rng.standard_normal((2, 7, 3, 4, 5)).astype(np.float32)
    return feature, decoy, rng.uniform(0, 2 * np.pi, 7)


def test_hides_as_complex_numbers_say(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    feature, decoy, theta = drawn
    expected = np.exp(1j * theta)[:, None, None, None] * (feature + 1j * decoy)
    x = hide(feature, decoy, theta)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[:, :3], expected.real, atol=1e-6)
    np.testing.assert_allclose(x[:, 3:], expected.imag, atol=1e-6)
    np.testing.assert_allclose(parts(x), expected.reshape(7, -1), atol=1e-6)


def test_hides_and_unrotates_as_the_sdk_does(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, matrix = hide(*drawn), rotations(drawn[2])
    np.testing.assert_allclose(x, secrets.hide(np.stack(drawn[:2], axis=1), matrix), atol=1e-6)
    np.testing.assert_allclose(unrotate(x, drawn[2]), secrets.reveal(x, matrix), atol=1e-6)
    np.testing.assert_allclose(unrotate(x, drawn[2]), drawn[0], atol=1e-6)


def test_turns_vectors_too() -> None:
    rng = np.random.default_rng(1)
    feature, decoy = rng.standard_normal((2, 4, 6)).astype(np.float32)
    theta, more = rng.uniform(0, 2 * np.pi, (2, 4))
    turned = turn(hide(feature, decoy, theta), more)
    np.testing.assert_allclose(turned, hide(feature, decoy, theta + more), atol=1e-6)


def test_cosines_are_those_of_the_vectors_that_are_never_made(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    feature, _, theta = drawn
    x, guesses = hide(*drawn), np.stack([theta, theta + np.pi, theta + 0.7], axis=1)
    found = cosines(x, feature, guesses)
    np.testing.assert_allclose(found[:, :2], [[1, -1]] * 7, atol=1e-6)
    for row in range(7):
        guess = unrotate(x[row : row + 1], guesses[row, 2:]).ravel()
        truth = feature[row].ravel()
        expected = guess @ truth / np.linalg.norm(guess) / np.linalg.norm(truth)
        assert found[row, 2] == pytest.approx(expected, abs=1e-6)


def test_nothing_has_no_direction() -> None:
    x, zero = np.zeros((1, 4), np.float32), np.zeros((1, 2), np.float32)
    assert cosines(x, zero, np.zeros((1, 1))) == 0


def test_the_major_axis_is_the_longest_direction(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    x = hide(*drawn)
    tried = np.linspace(0, np.pi, 1000)
    lengths = [np.square(unrotate(x, np.full(7, angle))).reshape(7, -1).sum(1) for angle in tried]
    away = np.abs((tried[np.argmax(lengths, axis=0)] - major_axis(x) + np.pi / 2) % np.pi - np.pi / 2)
    assert away.max() < 0.01
