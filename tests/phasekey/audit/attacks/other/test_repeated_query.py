from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from phasekey.audit.attack import Findings
from phasekey.audit.attacks.other.repeated_query import Metric, RepeatedQuery, shared_direction
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import cosine
from phasekey.audit.numerics.rotation import hide, major_axis, unrotate
from phasekey.audit.result.result import Figure
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import REPEATS, Scene

CONTROL = EFFORTS["control"]


def test_the_planes_of_an_exact_repeat_meet_in_the_feature(
    figures_of: Callable[[str, str], dict[str, Figure]],
) -> None:
    for scene in ("leaky_fresh", "gaussian_fresh"):
        assert figures_of("repeated-query", scene)["repeat_cosine_exact"].low >= 0.99


@pytest.mark.parametrize("change", ["shifted", "noisy", "next_frame"])
def test_near_duplicates_meet_near_it_whatever_the_keys(
    change: str, figures_of: Callable[[str, str], dict[str, Figure]]
) -> None:
    for scene in ("leaky", "leaky_fresh"):
        assert figures_of("repeated-query", scene)[f"repeat_cosine_{change}"].low >= 0.99


def test_derived_keys_leave_nothing_to_intersect(
    gaussian: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    guess = findings_of("repeated-query", "gaussian").estimate[:, REPEATS.index("exact")]
    longest = unrotate(gaussian.test.x, major_axis(gaussian.test.x))
    np.testing.assert_allclose(np.abs(cosine(guess, longest)), 1, atol=1e-5)


def test_strangers_are_at_chance(figures_of: Callable[[str, str], dict[str, Figure]]) -> None:
    # The Gaussian device gives images that differ in anything features that have nothing in common.
    for figure in figures_of("repeated-query", "gaussian").values():
        assert figure.beside["random direction in the plane of x"] == pytest.approx(2 / np.pi, abs=0.02)
        assert figure.low <= figure.chance


def test_guesses_are_unit_vectors_in_the_plane_of_x(
    leaky_fresh: Scene, findings_of: Callable[[str, str], Findings]
) -> None:
    guesses = findings_of("repeated-query", "leaky_fresh").estimate
    assert guesses.shape == (len(leaky_fresh.test), len(REPEATS), leaky_fresh.test.feature[0].size)
    np.testing.assert_allclose(np.linalg.norm(guesses, axis=2), 1, atol=1e-5)
    plane = leaky_fresh.test.x[0].reshape(2, -1).T.astype(np.float64)
    for guess in guesses[0]:
        assert np.linalg.norm(guess - plane @ np.linalg.lstsq(plane, guess)[0]) < 1e-4


def test_rounding_does_not_hide_an_exact_repeat() -> None:
    rng = np.random.default_rng(0)
    feature, one, two = rng.standard_normal((3, 20, 64)).astype(np.float32)
    sent = [
        hide(feature, decoy, rng.uniform(0, 2 * np.pi, 20)).astype(np.float16).astype(np.float32)
        for decoy in (one, two)
    ]
    assert np.abs(cosine(shared_direction(*sent), feature)).min() > 0.9999


def test_the_nearest_directions_are_found_by_search_too() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 1, 12)).astype(np.float32)
    angles = np.linspace(0, np.pi, 400)
    tried = [unrotate(np.repeat(x, 400, axis=0), angles) for x in (first, second)]
    one, two = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in tried)
    best = np.unravel_index(np.abs(one @ two.T).argmax(), (400, 400))[0]
    assert abs(cosine(shared_direction(first, second), one[best : best + 1])[0]) > 0.999


def test_a_metric_is_the_inverse_root_of_the_covariance() -> None:
    rng = np.random.default_rng(2)
    differences = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6))
    covariance = differences.T @ differences
    floor = 0.3 * np.trace(covariance) / 6
    energy, directions = np.linalg.eigh(np.eye(6) + covariance / floor)
    columns = rng.standard_normal((3, 6, 2))
    expected = directions @ np.diag(energy**-0.5) @ directions.T @ columns
    _, spread, principal = np.linalg.svd(differences, full_matrices=False)
    np.testing.assert_allclose(Metric(principal, spread**2, 0.3)(columns), expected, atol=1e-9)
    np.testing.assert_allclose(Metric(principal, spread**2, np.inf)(columns), columns, atol=1e-9)


def test_needs_nothing_but_traffic(leaky_fresh: Scene, watch: object) -> None:
    scene = replace(leaky_fresh, box="black", device=SimpleNamespace(rotated=True, processes=False))
    findings = attack_scene(RepeatedQuery(), scene, CONTROL, 0)
    exact = findings.estimate[:, REPEATS.index("exact")]
    assert np.abs(cosine(exact, scene.test.feature)).mean() > 0.99
