"""One of k: at chance where decoys could be inputs, broken where they could not, on maps and vectors."""

import numpy as np
import pytest

from phasekey.audit.claims.anonymous import identification, linkage, separation
from phasekey.audit.claims.anonymous.claim import (
    Crowd,
    drawn_rows,
    judge_film,
    judge_frames,
    judge_identification,
    judge_separation,
)
from phasekey.audit.claims.transmissions import draw_secrets, mix

SHAPE, STEPS = (3, 8, 8), 120


def maps(count: int, seed: int, sharpness: float = 1.0) -> np.ndarray:
    """Edges between flat parts, as features of images have them: heavy tails in their differences."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_t(2.0, (count, *SHAPE)) * (rng.random((count, *SHAPE)) < 0.2) * sharpness
    values = steps.cumsum(axis=2).cumsum(axis=3) / 8 + 0.05 * rng.standard_normal((count, *SHAPE))
    return (values - values.mean(axis=(1, 2, 3), keepdims=True)).clip(-5, 5).astype(np.float32)


def crowd(sharpness: float = 1.0, count: int = 300) -> Crowd:
    return Crowd(maps(count, 0), maps(count, 1, sharpness), maps(900, 2), maps(900, 3, sharpness))


def test_exchangeable_decoys_leave_the_input_one_of_k() -> None:
    _, found = judge_identification(crowd(), signs=False, steps=STEPS, seed=0)
    assert [figure.key for figure in found] == [
        "auc",
        "identification-2",
        "identification-4",
        "identification-8",
    ]
    assert all(figure.kept for figure in found)


def test_decoys_of_another_law_are_told_apart() -> None:
    _, found = judge_identification(crowd(sharpness=8.0), signs=True, steps=STEPS, seed=0)
    assert found[0].value >= 0.95
    assert all(figure.kept is False for figure in found)


@pytest.mark.parametrize("components", [2, 4])
def test_rows_behind_an_orthogonal_secret_are_found(components: int) -> None:
    rows = drawn_rows(crowd(count=20), components, np.random.default_rng(0))
    secrets = draw_secrets("orthogonal", len(rows), components, np.random.default_rng(1))
    x = mix(rows.reshape(len(rows), components, -1), secrets).reshape(rows.shape)
    found = [
        separation.row_match(separation.separate(one, 0), q).mean() for one, q in zip(x, secrets, strict=True)
    ]
    assert np.mean(found) > 0.9
    assert separation.row_match(secrets[0], secrets[0]) == pytest.approx(1.0)


def test_an_archive_leaves_the_angle_a_coins_throw() -> None:
    judge, _ = judge_identification(crowd(), signs=True, steps=STEPS, seed=0, components=(2,))
    figures = {
        figure.key: figure for figure in judge_separation(crowd(), judge, 2, most=150, steps=STEPS, seed=0)
    }
    assert figures["separation-2"].value > 0.9
    assert figures["circle"].kept is True


def test_the_picture_of_a_row_is_as_good_as_the_row() -> None:
    """Maps that are images: found rows show them, up to what the search missed."""
    some = crowd()
    judge, _ = judge_identification(some, signs=True, steps=40, seed=0, components=(2,))
    scale = 60 / np.abs(some.known_inputs).mean()
    shown = tuple(
        np.clip(128 + scale * part, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
        for part in (some.known_inputs, some.inputs)
    )
    moved = Crowd(*(part + 0.5 for part in vars(some).values()))  # so that rows have a sign
    found = {
        one.key: one for one in judge_separation(moved, judge, 2, most=20, steps=40, seed=0, shown=shown)
    }
    assert found["picture-2"].value < 0.7 * found["picture-2"].chance
    assert found["picture-2"].kept is None


def test_without_exchangeable_decoys_the_angle_is_found() -> None:
    """Maps with a bright corner have a sign, and decoys of another law an axis of their own."""
    tell = np.zeros(SHAPE, np.float32)
    tell[:, :4, :4] = 2.0
    marked = Crowd(*(part + tell for part in (vars(crowd(sharpness=8.0)).values())))
    judge, _ = judge_identification(marked, signs=True, steps=STEPS, seed=0, components=(2,))
    figures = {one.key: one for one in judge_separation(marked, judge, 2, most=150, steps=STEPS, seed=0)}
    assert figures["circle"].value < 0.4
    assert figures["circle"].kept is False


def test_the_rate_of_naming_is_that_of_drawing_decoys() -> None:
    rng = np.random.default_rng(0)
    inputs, decoys = rng.normal(0.5, 1, 400).astype("f4"), rng.normal(0, 1, 300).astype("f4")
    drawn = rng.choice(decoys, (400 * 200, 3))
    naive = (np.repeat(inputs, 200)[:, None] > drawn).all(axis=1).mean()
    assert identification.naming_rate(inputs, decoys, 4) == pytest.approx(naive, abs=0.005)
    assert identification.naming_rate(inputs, decoys, 2) == pytest.approx(identification.auc(inputs, decoys))
    same = np.zeros(10, np.float32)
    assert identification.naming_rate(same, same, 4) == pytest.approx(1 / 8)  # ties, one by one


def test_films_are_followed_unless_decoys_are_films_too() -> None:
    rng = np.random.default_rng(0)
    judge, _ = judge_identification(crowd(), signs=False, steps=20, seed=0, components=(2,))

    def film(first: np.ndarray) -> np.ndarray:
        shape = (*first.shape[:-3], 4, *SHAPE)
        return (first[..., None, :, :, :] + 0.05 * rng.standard_normal(shape)).astype(np.float32)

    inputs, bursts = film(maps(120, 4)), film(maps(360, 5).reshape(120, 3, *SHAPE))
    fresh = maps(120 * 3 * 4, 6).reshape(120, 3, 4, *SHAPE)
    without = judge_film(inputs, fresh, judge, session=False, seed=0)
    with_session = judge_film(inputs, bursts, judge, session=True, seed=0)
    assert without.value > 0.95
    assert with_session.kept is True


def test_frames_of_a_film_share_the_feature_unless_decoys_do() -> None:
    rng = np.random.default_rng(0)
    feature, noise = maps(60, 4), 0.02 * rng.standard_normal((60, 8, *SHAPE))
    inputs = (feature[:, None] + noise).astype(np.float32)
    fresh, burst = maps(60 * 8, 5).reshape(60, 1, 8, *SHAPE), np.repeat(maps(60, 6)[:, None, None], 8, axis=2)
    found = {one.key: one for one in judge_frames(inputs, fresh, session=False, seed=0)}
    assert found["frames-2"].value > 0.9
    assert found["frames-8"].value >= found["frames-4"].value - 0.02
    hidden = judge_frames(inputs, burst, session=True, seed=0)
    assert all(one.value < 0.85 for one in hidden)  # some direction of the plane that both span


def test_the_shared_direction_is_the_first_axis_of_all_projectors() -> None:
    x = np.random.default_rng(2).standard_normal((1, 3, 2, 6)).astype(np.float32)
    projectors = sum(one.T @ np.linalg.inv(one @ one.T) @ one for one in x[0].astype(np.float64))
    axis = np.linalg.eigh(projectors)[1][:, -1]
    assert abs(float(linkage.shared_direction(x)[0] @ axis)) == pytest.approx(1.0, abs=1e-5)


def test_a_blind_guess_of_a_row_is_as_near_as_theory_says() -> None:
    """At k = 2 the larger of |cos θ| and |sin θ|: 4/π · sin(π/4) on average."""
    assert separation.blind_match(2) == pytest.approx(4 / np.pi * np.sin(np.pi / 4), abs=0.003)


def test_recurrence_and_paths_against_a_loop() -> None:
    rng = np.random.default_rng(1)
    rows, others = rng.standard_normal((3, 5)).astype("f4"), rng.standard_normal((2, 3, 5)).astype("f4")

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a - a.mean(), b - b.mean()
        return abs(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))

    table = np.array([[[cosine(row, other) for other in seen] for row in rows] for seen in others])
    np.testing.assert_allclose(linkage.recurrence(rows, others), table.max(2).mean(0), rtol=1e-5)
    np.testing.assert_array_equal(linkage.follow(rows, others), table.argmax(2))


def test_auc_and_names_by_hand() -> None:
    assert identification.auc(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == pytest.approx(
        (1 + 1 + 0 + 0.5) / 4
    )
    scores = np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]])
    assert identification.named_rightly(scores).tolist() == [1.0, 0.0, 0.5]
