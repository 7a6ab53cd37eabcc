from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.attack import Findings
from phasekey.audit.attacks.other.decoy_pool import DecoyPool, certain_below, outside
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.result.result import Figure
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Pool, Scene
from phasekey.audit.scene.view import view_of

CONTROL = EFFORTS["control"]


def attack(scene: Scene, watch: object) -> np.ndarray:
    return attack_scene(DecoyPool(), scene, CONTROL, 0).estimate


def test_names_every_decoy(leaky_pool: Scene, findings_of: Callable[[str, str], Findings]) -> None:
    assert (findings_of("decoy-pool", "leaky_pool").estimate == leaky_pool.pool.member).mean() >= 0.99


@pytest.mark.parametrize("scene_name", ["leaky_pool", "gaussian"])
def test_claims_nothing_of_a_pool_without_the_decoy(
    scene_name: str, scene_of: Callable[[str], Scene], watch: object
) -> None:
    scene = scene_of(scene_name)
    used = np.isin(np.arange(len(scene.pool.candidates)), scene.pool.member)
    others = Pool(scene.pool.candidates[~used], np.full(len(scene.test), -1))
    assert len(others.candidates) > 500
    assert (attack(replace(scene, pool=others), watch) == -1).all()


@pytest.mark.parametrize("rounding", ["float16", "relative"])
def test_survives_what_a_wire_rounds(leaky_pool: Scene, watch: object, rounding: str) -> None:
    x = leaky_pool.test.x
    noisy = 1 + 1e-3 * np.random.default_rng(0).standard_normal(x.shape)
    rounded = x.astype(np.float16) if rounding == "float16" else x * noisy
    scene = replace(leaky_pool, test=replace(leaky_pool.test, x=rounded.astype(np.float32)))
    assert (attack(scene, watch) == scene.pool.member).mean() >= 0.99


def test_leaves_a_device_that_draws_afresh_at_chance(
    figures_of: Callable[[str, str], dict[str, Figure]],
) -> None:
    figure = figures_of("decoy-pool", "gaussian")["decoy_identified"]
    assert figure.value == 0
    assert figure.beside["wrong claims"] == 0
    assert figure.chance == 1 / 3000
    assert figure.exposure == 0


def test_residuals_by_least_squares() -> None:
    rng = np.random.default_rng(0)
    feature, decoy = rng.standard_normal((2, 4, 3, 2, 2)).astype(np.float32)
    candidates = np.concatenate([decoy, rng.standard_normal((3, 3, 2, 2)), np.zeros((1, 3, 2, 2))])
    x = hide(feature, decoy, rng.uniform(0, 2 * np.pi, 4))
    found = outside(x, candidates.astype(np.float32))
    for row in range(4):
        plane = x[row].reshape(2, -1).T.astype(np.float64)
        for index, candidate in enumerate(candidates.reshape(8, -1)[:-1]):
            rest = candidate - plane @ np.linalg.lstsq(plane, candidate)[0]
            expected = np.linalg.norm(rest) / np.linalg.norm(candidate)
            assert found[row, index] == pytest.approx(expected, abs=1e-3)
    assert (found[:, -1] == 1).all()
    assert found.argmin(1).tolist() == [0, 1, 2, 3]


def test_the_limit_is_where_the_tail_says() -> None:
    # Residuals of law r^8: P(r < limit) in one of 1,000 draws is 1e-3 at limit = (1e-6)^(1/8).
    unrelated = np.random.default_rng(0).random(20_000) ** (1 / 8)
    assert certain_below(unrelated, 1000) == pytest.approx(1e-6 ** (1 / 8), rel=0.1)


def test_alike_features_leave_nothing_to_claim(constant: Scene, watch: object) -> None:
    same = Pool(np.repeat(constant.train.feature[:1], 50, axis=0), np.full(len(constant.test), -1))
    assert (attack(replace(constant, pool=same), watch) == -1).all()


def test_says_why_it_has_nothing_to_do(leaky: Scene) -> None:
    assert DecoyPool().why_not(view_of(leaky)) is None
    assert "candidates" in DecoyPool().why_not(view_of(replace(leaky, pool=None)))
    assert "black box" in DecoyPool().why_not(view_of(replace(leaky, box="black")))
