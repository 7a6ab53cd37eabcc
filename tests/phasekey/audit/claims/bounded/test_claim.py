"""The claim of nats: kept where its assumptions hold, and seen to break where one of them does not."""

import numpy as np
import pytest
import torch

from phasekey.audit.claims.bounded import gram
from phasekey.audit.claims.bounded.claim import Features, judge, judge_difference, judge_rows
from phasekey.audit.claims.transmissions import draw_secrets, gram_of, mix, with_gaussian_decoys
from phasekey.guarantee import nats_per_transmission

D, CLASSES, STEPS = 6, 4, 150
RNG = np.random.default_rng(0)
CENTRES = np.linalg.qr(RNG.standard_normal((D, D)))[0][:CLASSES]
LAW = gram.GramLaw(components=2 * D, sigma=2.0)
NATS = nats_per_transmission(D, LAW.components, LAW.sigma)


def features(count: int, seed: int, length: float = D**0.5) -> Features:
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    near = CENTRES[labels] + 0.2 * rng.standard_normal((count, D))
    return Features((length * near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32), labels)


def figures(law: gram.GramLaw = LAW, length: float = D**0.5, repeats: tuple[int, ...] = (1,)):
    found = judge(
        features(4_000, 1, length), features(1_000, 2, length), law, NATS,
        classes=CLASSES, steps=STEPS, seed=0, repeats=repeats,
    )  # fmt: skip
    return {figure.key: figure for figure in found}


def test_the_claim_is_kept_where_it_holds() -> None:
    found = figures(repeats=(1, 4))
    kinds = ("label", "property", "direction", "image")
    assert found.keys() == {*(f"{kind}-{count}" for kind in kinds for count in (1, 4)), "rows", "difference"}
    assert all(figure.kept for figure in found.values())
    assert found["label-4"].value < found["label-1"].value < found["label-1"].chance + 0.03


@pytest.mark.parametrize(
    ("law", "length"),
    [(gram.GramLaw(2 * D, sigma=0.2), D**0.5), (LAW, 6 * D**0.5)],
    ids=["sigma too small", "features too long"],
)
def test_attackers_see_decoys_that_are_too_small(law: gram.GramLaw, length: float) -> None:
    found = figures(law, length)
    assert found["label-1"].kept is False
    assert found["direction-1"].kept is False
    assert found["image-1"].kept is False
    assert found["property-1"].kept is False


@pytest.mark.parametrize("kind", ["identity", "permutation"])
def test_attackers_see_a_secret_that_does_not_mix(kind: str) -> None:
    test, rng = features(500, 3), np.random.default_rng(4)
    rows = with_gaussian_decoys(test.feature, LAW.components, LAW.sigma, rng)
    secrets = (
        np.tile(np.eye(LAW.components), (500, 1, 1))
        if kind == "identity"
        else draw_secrets("permutation", 500, LAW.components, rng)
    )
    assert judge_rows(mix(rows, secrets), test, NATS, 0).kept is False
    haar = draw_secrets("orthogonal", 500, LAW.components, rng)
    assert judge_rows(mix(rows, haar), test, NATS, 0).kept is True


def test_attackers_see_decoys_that_are_used_twice() -> None:
    test, rng = features(500, 5), np.random.default_rng(6)
    first = with_gaussian_decoys(test.feature, LAW.components, LAW.sigma, rng)
    other = np.roll(test.feature, 1, axis=0)
    again = np.concatenate([other[:, None], first[:, 1:]], axis=1)
    fresh = with_gaussian_decoys(other, LAW.components, LAW.sigma, rng)
    w = gram_of(first)
    assert judge_difference(w, gram_of(again), test, NATS, 0).kept is False
    assert judge_difference(w, gram_of(fresh), test, NATS, 0).kept is True


def test_known_images_may_come_sorted_by_class() -> None:
    """As a folder of classes is read: what is held out of training must not be a class of its own."""
    known, law = features(4_000, 1), gram.GramLaw(2 * D, sigma=0.2)
    order = np.argsort(known.labels, kind="stable")
    ordered = Features(known.feature[order], known.labels[order])
    found = judge(
        ordered, features(1_000, 2), law, NATS, classes=CLASSES, steps=STEPS, seed=0, repeats=(1,)
    )  # fmt: skip
    assert found[0].value < 0.1  # a quarter, where one class of four was never seen
    assert found[0].curve[-1].validation < found[0].curve[0].validation


def test_what_an_attacker_simulates_is_what_a_device_sends() -> None:
    """Means of W, in torch and numpy, against aaᵀ + (k - 1)σ²I."""
    feature = np.tile(features(1, 7).feature, (20_000, 1))
    expected = np.outer(feature[0], feature[0]) + (LAW.components - 1) * LAW.sigma**2 * np.eye(D)
    rng = np.random.default_rng(8)
    rows = with_gaussian_decoys(feature, LAW.components, LAW.sigma, rng)
    x = mix(rows, draw_secrets("orthogonal", len(rows), LAW.components, rng))
    np.testing.assert_allclose(gram_of(x).mean(0), expected, atol=1.0)
    torch.manual_seed(0)
    upper = np.triu_indices(D)
    w = gram.transmit(torch.from_numpy(feature), LAW)
    simulated = gram.sums_of(w).numpy()
    np.testing.assert_allclose(simulated[:, : len(upper[0])].mean(0), expected[upper], atol=1.0)
    np.testing.assert_allclose(
        simulated[0, len(upper[0]) :], np.linalg.inv(w[0, 0].numpy())[upper], atol=1e-4
    )


def test_secrets_are_orthogonal_and_permutations_are_uniform() -> None:
    rng = np.random.default_rng(9)
    q = draw_secrets("orthogonal", 50, 5, rng)
    np.testing.assert_allclose(q @ q.swapaxes(1, 2), np.broadcast_to(np.eye(5), q.shape), atol=1e-12)
    first = draw_secrets("permutation", 6_000, 3, rng)[:, :, 0].argmax(1)
    np.testing.assert_allclose(np.bincount(first) / 6_000, 1 / 3, atol=0.03)
