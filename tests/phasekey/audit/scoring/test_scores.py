"""Figures of findings whose answers are known beforehand."""

from dataclasses import replace
from typing import ClassVar, get_args

import numpy as np
import pytest

from phasekey.audit.artefacts import AnswerAngles, FoldedAngles
from phasekey.audit.attack import Attack, Findings, Leak
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.metrics import cosine
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.result.result import Figure
from phasekey.audit.scene.scene import Pool, Scene
from phasekey.audit.scoring.scores import SCORES, ScoreContext, score

COUNT = 300


def figures(leak: Leak, findings: Findings, scene: Scene, **context: object) -> dict[str, Figure]:
    class Known(Attack):
        name: ClassVar[str] = "known"

        def run(self, *rest: object) -> Findings:
            raise NotImplementedError

    Known.leak = leak
    found = score(Known(), findings, scene, ScoreContext.of(scene, 0, **context))
    assert all(figure.low <= figure.value <= figure.high for figure in found)
    return {figure.key: figure for figure in found}


def test_every_leak_has_its_score() -> None:
    assert set(SCORES) == set(get_args(Leak))


def test_angles_are_scored_by_every_convention_that_they_are_known_by(gaussian: Scene) -> None:
    theta = gaussian.test.theta
    found = figures("angle", Findings(theta + 0.2), gaussian)
    assert {key: round(figure.value, 6) for key, figure in found.items()} == {
        "angle_circle": 0.2,
        "angle_mod_pi": 0.2,
        "angle_mod_half_pi": 0.2,
    }
    assert [figure.chance for figure in found.values()] == [np.pi / 2, np.pi / 4, np.pi / 8]
    assert list(figures("angle", Findings(theta, period=np.pi), gaussian)) == [
        "angle_mod_pi",
        "angle_mod_half_pi",
    ]
    assert list(figures("angle", Findings(theta, period=np.pi / 2), gaussian)) == ["angle_mod_half_pi"]


def test_an_attacker_may_guess_anew_for_each_convention(gaussian: Scene) -> None:
    theta = gaussian.test.theta
    found = figures(
        "angle", Findings(theta + 0.5, artefacts=(FoldedAngles(theta + np.pi + 0.1, theta + 0.5),)), gaussian
    )
    assert [round(figure.value, 6) for figure in found.values()] == [0.5, 0.1, 0.5]


def test_a_search_for_labels_tells_its_angles_too(gaussian: Scene) -> None:
    guess = Findings(gaussian.test.labels, artefacts=(AnswerAngles(gaussian.test.theta + 0.1),))
    found = figures("label", guess, gaussian)
    assert list(found) == ["label_error", "angle_circle", "angle_mod_pi", "angle_mod_half_pi"]
    assert found["label_error"].value == 0
    assert found["angle_circle"].value == pytest.approx(0.1, abs=1e-6)


def test_a_lost_sign_shows_on_the_circle_only(gaussian: Scene) -> None:
    found = figures("angle", Findings(gaussian.test.theta + np.pi), gaussian)
    assert found["angle_circle"].value == pytest.approx(np.pi)
    assert found["angle_circle"].exposure == 0
    assert found["angle_mod_pi"].value == pytest.approx(0, abs=1e-6)
    assert found["angle_mod_pi"].exposure == pytest.approx(1)


def test_a_list_is_scored_by_its_best_guess_beside_an_even_list(gaussian: Scene) -> None:
    theta = gaussian.test.theta
    good = np.stack([theta + np.pi, theta + 0.3, theta - 1.0], axis=1)
    (found,) = figures("angle", Findings(good), gaussian).values()
    nearest = cosine(unrotate(gaussian.test.x, theta + 0.3), gaussian.test.feature).mean()
    assert found.value == pytest.approx(nearest, abs=1e-6)
    assert found.beside["first guess alone"] == pytest.approx(-1, abs=1e-6)
    sixteen = np.linspace(0, 2 * np.pi, 16, endpoint=False) + np.zeros((COUNT, 1))
    (even,) = figures("angle", Findings(sixteen), gaussian).values()
    # research/privacy.md: of 16 evenly spaced guesses one lies at mean cosine .994.
    assert even.chance == pytest.approx(0.994, abs=0.003)
    assert even.value == pytest.approx(even.chance, abs=0.003)


def test_perfect_pictures_leave_nothing_and_trivial_ones_are_at_chance(
    leaky: Scene, context_of: object
) -> None:
    assert callable(context_of)
    yardsticks = context_of("leaky").yardsticks
    truth = unit(leaky.test.images)[:, None]
    right = {figure.key: figure for figure in _pictures(truth, context_of("leaky"), leaky)}
    assert right["rmse"].value == right["mae"].value == 0
    assert right["ssim"].value == pytest.approx(1, abs=1e-6)
    assert right["recognised"].value == right["recognised"].raw == yardsticks.recognised
    mean = yardsticks.trivial.single["mean image"][:, None]
    trivial = {figure.key: figure for figure in _pictures(mean, context_of("leaky"), leaky)}
    for key, figure in trivial.items():
        assert figure.value == pytest.approx(figure.beside["mean image"], rel=1e-5), key
        assert figure.exposure == 0, key
        assert "50/50 blend with another image" in figure.beside


def test_rmse_is_the_root_over_all_pixels_of_all_images(leaky: Scene, context_of: object) -> None:
    assert callable(context_of)
    truth = unit(leaky.test.images)
    guess = np.clip(truth + np.linspace(0, 0.5, COUNT, dtype=np.float32)[:, None, None, None], 0, 1)
    found = {figure.key: figure for figure in _pictures(guess[:, None], context_of("leaky"), leaky)}
    assert found["rmse"].value == pytest.approx(np.sqrt(np.mean((guess - truth) ** 2)), rel=1e-5)
    assert found["mae"].value == pytest.approx(np.mean(np.abs(guess - truth)), rel=1e-5)


def test_of_two_pictures_the_better_counts_in_whatever_order(leaky: Scene, context_of: object) -> None:
    assert callable(context_of)
    truth = unit(leaky.test.images)
    wrong = 1 - truth
    swapped = np.arange(COUNT) % 2 == 0
    pair = np.stack([truth, wrong], axis=1)
    pair[swapped] = pair[swapped][:, ::-1]
    found = {figure.key: figure for figure in _pictures(pair, context_of("leaky"), leaky)}
    best = found["rmse_best_of_2"]
    assert best.value == 0
    assert found["rmse"].value > 0.3  # the first guess, wrong every other time
    assert best.chance == min(best.beside.values()) < found["rmse"].chance


def test_the_right_key_sets_the_scale_of_pictures(leaky: Scene) -> None:
    truth = unit(leaky.test.images)[:, None]
    key = Findings(np.clip(truth + 0.1, 0, 1))
    guess = Findings(np.clip(truth + 0.1, 0, 1))
    found = figures("inversion", guess, leaky, right_key=key)
    assert found["rmse"].raw == pytest.approx(found["rmse"].value)
    assert found["rmse"].exposure == pytest.approx(1)
    assert found["recognised"].beside["the right key"] == found["recognised"].value


def _pictures(estimate: np.ndarray, context: ScoreContext, scene: Scene) -> tuple[Figure, ...]:
    return SCORES["inversion"](Findings(estimate.astype(np.float32)), scene, context)


def test_properties_stand_beside_the_majority_and_the_raw_feature(leaky: Scene) -> None:
    truth = leaky.test.property
    half = np.where(np.arange(COUNT) % 2 == 0, truth, -1)
    (found,) = figures("property", Findings(half, reference=truth), leaky).values()
    counts = np.bincount(leaky.train.property)
    assert found.key == "property_error"
    assert found.value == 0.5
    assert found.raw == found.beside["the same attacker on the raw feature"] == 0
    assert found.chance == found.beside["majority guess"] == np.mean(truth != counts.argmax())
    assert 0 < found.exposure < 1


def test_labels_may_be_attributes(leaky: Scene) -> None:
    attributes = np.stack([leaky.test.labels % 2, leaky.test.labels > 20], axis=1).astype(np.int64)
    known = np.stack([leaky.train.labels % 2, leaky.train.labels > 20], axis=1).astype(np.int64)
    scene = replace(
        leaky, test=replace(leaky.test, labels=attributes), train=replace(leaky.train, labels=known)
    )
    (found,) = figures("label", Findings(np.zeros_like(attributes)), scene).values()
    assert found.key == "label_error"
    assert found.value == pytest.approx(attributes.mean())


def test_a_decoy_counts_as_found_only_if_it_is_the_right_one(leaky_pool: Scene) -> None:
    member = leaky_pool.pool.member
    claims = member.copy()
    claims[:30], claims[30:60] = -1, (member[30:60] + 1) % 1200
    (found,) = figures("decoy", Findings(claims), leaky_pool).values()
    assert found.value == pytest.approx(0.8)
    assert found.beside["wrong claims"] == pytest.approx(0.1)
    assert found.chance == 1 / 1200


def test_no_decoy_can_be_found_in_a_pool_without_it(leaky_pool: Scene) -> None:
    scene = replace(leaky_pool, pool=Pool(leaky_pool.pool.candidates, np.full(COUNT, -1)))
    (found,) = figures("decoy", Findings(np.full(COUNT, -1)), scene).values()
    assert found.value == 0
    assert found.beside["wrong claims"] == 0
    assert found.exposure == 0


def test_repeats_are_scored_without_sign_beside_what_one_x_gives(gaussian: Scene) -> None:
    rng = np.random.default_rng(0)
    feature = gaussian.test.feature
    phase = rng.uniform(0, 2 * np.pi, COUNT)
    guesses = np.stack(
        [feature, -feature, unrotate(gaussian.test.x, phase), rng.standard_normal(feature.shape)], 1
    )
    found = figures("repeat", Findings(guesses), gaussian)
    assert list(found) == [f"repeat_cosine_{name}" for name in ("exact", "shifted", "noisy", "next_frame")]
    exact, shifted, random, stranger = found.values()
    assert exact.value == shifted.value == pytest.approx(1, abs=1e-6)
    assert random.value == pytest.approx(2 / np.pi, abs=0.06)
    assert stranger.value < 0.15
    assert exact.beside["random direction in the plane of x"] == pytest.approx(2 / np.pi, abs=0.02)
    assert exact.beside["mean feature"] < 0.1
    assert exact.chance == max(exact.beside.values())


def test_members_are_told_from_strangers(leaky: Scene) -> None:
    rng = np.random.default_rng(0)
    sure = np.concatenate([np.zeros(COUNT), np.ones(COUNT)])
    found = figures("membership", Findings(sure, reference=rng.random(2 * COUNT)), leaky)
    assert list(found) == ["membership_auc", "membership_tpr_at_fpr_0.01"]
    assert [figure.value for figure in found.values()] == [1, 1]
    assert [figure.chance for figure in found.values()] == [0.5, 0.01]
    assert found["membership_auc"].raw == pytest.approx(0.5, abs=0.08)
    backwards = figures("membership", Findings(1 - sure), leaky)
    assert [figure.value for figure in backwards.values()] == [0, 0]


def test_every_figure_says_its_unit_or_convention(gaussian: Scene) -> None:
    found = figures("angle", Findings(gaussian.test.theta), gaussian)
    assert "full circle, rad" in found["angle_circle"].text
    assert "modulo π/2, rad" in found["angle_mod_half_pi"].text
