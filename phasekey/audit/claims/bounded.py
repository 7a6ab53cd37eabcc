"""The claim of `bounded`: one transmission tells at most K nats. Every attacker beside what K allows him."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from phasekey.audit.attack import CurvePoint, Unwatched, Watch
from phasekey.audit.attackers.training import seeded
from phasekey.audit.claims import gram
from phasekey.audit.claims.figures import ClaimFigure
from phasekey.audit.claims.transmissions import draw_secrets, gram_of, mix, with_gaussian_decoys
from phasekey.audit.numerics.bootstrap import mean_interval
from phasekey.guarantee import limits

Floats = NDArray[np.float32]
REPEATS = (1, 2, 4, 8)  # near-duplicates that an attacker sees together
SPREAD = 0.1  # of each value, in units of the features' own: a cosine of about .995 to the first


@dataclass(frozen=True)
class Features:
    """What attackers know, or are judged on: features (N, D) and labels (N,)."""

    feature: Floats
    labels: NDArray[np.int64]


def judge(
    known: Features, test: Features, law: gram.GramLaw, nats: float, *, classes: int, steps: int, seed: int,
    repeats: tuple[int, ...] = REPEATS, watch: Watch | None = None,
) -> tuple[ClaimFigure, ...]:  # fmt: skip
    """Attack label and direction from 1, 2, 4 and 8 near-duplicates, and the rows themselves.

    Args:
        known: of images that the attacker has.
        test: of images that he is judged on.
        law: of decoys, as the device really draws them.
        nats: K, as promised for one transmission.
        classes: of labels.
        steps: of each attacker's training.
        seed: of all random numbers.
        repeats: numbers n of near-duplicates.
        watch: told of every step.

    Returns:
        Figures with the bounds that n·K nats leave (Fano's for labels, Pinsker's for cosines).
    """
    found: list[ClaimFigure] = []
    for count in repeats:
        near = gram.GramLaw(law.components, law.sigma, count, SPREAD if count > 1 else 0.0)
        network, curve = gram.train_reader(
            known.feature,
            known.labels,
            classes,
            near,
            steps=steps,
            seed=seed + count,
            watch=watch or Unwatched(),
        )
        with seeded(seed):
            sums = gram.seen(torch.from_numpy(test.feature), near)
        guessed, direction = gram.read(network, sums)
        found.append(_label(count, guessed, test, nats, classes, curve, seed))
        candidates = {
            "gram network": direction,
            "first eigenvector": gram.first_eigenvector(sums, test.feature.shape[1]),
        }
        name = f"cosine to the feature, {_of(count)}"
        found.append(_direction(f"direction-{count}", name, candidates, test, count * nats, seed))
    return (*found, _rows(test, law, nats, seed), _difference(test, law, nats, seed))


def _label(
    count: int, guessed: NDArray[np.int64], test: Features, nats: float, classes: int,
    curve: tuple[CurvePoint, ...], seed: int,
) -> ClaimFigure:  # fmt: skip
    frequent = float(np.bincount(test.labels, minlength=classes).max() / len(test.labels))
    bound = 1 - limits.success_at_most(count * nats, frequent)
    wrong = mean_interval(guessed != test.labels, seed)
    name = f"label guessed wrongly, {_of(count)}"
    return ClaimFigure(
        f"label-{count}", name, "gram network", wrong, 1 - frequent, "at least", bound, curve
    )  # fmt: skip


def _of(count: int) -> str:
    return "one transmission" if count == 1 else f"{count} near-duplicates"


def _direction(
    key: str, name: str, candidates: dict[str, Floats], test: Features, nats: float, seed: int
) -> ClaimFigure:
    """The strongest of several guesses of the direction."""
    tried = {attack: _cosines(guess, test.feature) for attack, guess in candidates.items()}
    attack = max(tried, key=lambda one: float(tried[one].mean()))
    blind = _blind_cosine(test.feature)
    bound = min(1.0, limits.mean_at_most(nats, blind, 1.0))
    return ClaimFigure(key, name, attack, mean_interval(tried[attack], seed), blind, "at most", bound)


def _cosines(guess: Floats, feature: Floats) -> Floats:
    lengths = np.linalg.norm(guess, axis=1) * np.linalg.norm(feature, axis=1)
    return np.asarray(np.abs((guess * feature).sum(1)) / np.maximum(lengths, 1e-12), np.float32)


def _blind_cosine(feature: Floats) -> float:
    """What the best constant guess reaches: the first eigenvector of all features' Gram matrix."""
    unit = feature / np.maximum(np.linalg.norm(feature, axis=1, keepdims=True), 1e-12)
    axis = np.linalg.eigh(unit.T @ unit)[1][:, -1]
    return float(np.abs(unit @ axis).mean())


def _rows(test: Features, law: gram.GramLaw, nats: float, seed: int) -> ClaimFigure:
    """The row of X whose length is nearest the feature's known one: finds a secret that does not mix."""
    rng = np.random.default_rng(seed)
    rows = with_gaussian_decoys(test.feature, law.components, law.sigma, rng)
    x = mix(rows, draw_secrets("orthogonal", len(rows), law.components, rng))
    return judge_rows(x, test, nats, seed)


def judge_rows(x: Floats, test: Features, nats: float, seed: int) -> ClaimFigure:
    """Attack captured transmissions (N, k, D) by the length of their rows.

    Args:
        x: what went out.
        test: the truth.
        nats: K, as promised.
        seed: of the interval.

    Returns:
        Mean |cosine| of the chosen row to the feature.
    """
    length = np.linalg.norm(test.feature, axis=1).mean()
    chosen = np.abs(np.linalg.norm(x, axis=2) - length).argmin(axis=1)
    guess = np.take_along_axis(x, chosen[:, None, None], axis=1)[:, 0]
    name = "cosine to the feature, row of its length"
    return _direction("rows", name, {"row of known length": guess}, test, nats, seed)


def _difference(test: Features, law: gram.GramLaw, nats: float, seed: int) -> ClaimFigure:
    """Two transmissions of unlike inputs, decoys drawn for each."""
    rng = np.random.default_rng(seed)
    first = with_gaussian_decoys(test.feature, law.components, law.sigma, rng)
    second = with_gaussian_decoys(np.roll(test.feature, 1, axis=0), law.components, law.sigma, rng)
    return judge_difference(gram_of(first), gram_of(second), test, nats, seed)


def judge_difference(first: Floats, second: Floats, test: Features, nats: float, seed: int) -> ClaimFigure:
    """Attack pairs of transmissions by the difference of their W: decoys used twice cancel in it.

    Args:
        first: W of the transmissions judged, (N, D, D).
        second: W of another input's, row by row.
        test: the truth of the first.
        nats: K, as promised for one transmission; the second tells nothing of the first's image.
        seed: of the interval.

    Returns:
        Mean |cosine| of the difference's largest eigenvector to the feature.
    """
    guess = np.asarray(np.linalg.eigh(first - second)[1][:, :, -1], np.float32)
    name = "cosine to the feature, difference of two"
    return _direction("difference", name, {"difference of two": guess}, test, nats, seed)
