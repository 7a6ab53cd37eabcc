"""The claim of `bounded`: one transmission tells at most K nats. Every attacker beside what K allows him."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from phasekey.audit.attack import CurvePoint, Unwatched, Watch
from phasekey.audit.attackers.networks.image_prior import ImagePrior
from phasekey.audit.attackers.training import device, pixels_of, seeded
from phasekey.audit.claims.bounded import gram, pictures, posterior
from phasekey.audit.claims.figures import ClaimFigure
from phasekey.audit.claims.transmissions import draw_secrets, gram_of, mix, with_gaussian_decoys
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.bootstrap import mean_interval
from phasekey.audit.numerics.metrics import squared_error
from phasekey.guarantee import limits

Floats = NDArray[np.float32]
Scores = NDArray[np.floating[Any]]
REPEATS = (1, 2, 4, 8)  # near-duplicates that an attacker sees together
PARTICLES = 4_000  # known images that the posterior weighs
LINEUP = 8  # images of which one was sent
# So many of the test images are sought as images, one in so many: a gradient takes time, and the bound of
# their error takes it as their square.
PICTURED, SHARE = 400, 5
SPREAD = 0.1  # of each value, in units of the features' own: a cosine of about .995 to the first


@dataclass(frozen=True)
class Features:
    """What attackers know, or are judged on: features (N, D) and labels (N,), in random order.

    Attributes:
        feature: (N, D).
        labels: (N,).
        images: uint8 (N, H, W, C); None where nobody asks for them.
    """

    feature: Floats
    labels: NDArray[np.int64]
    images: NDArray[np.uint8] | None = None


def judge(
    known: Features, test: Features, law: gram.GramLaw, nats: float, *, classes: int, steps: int, seed: int,
    repeats: tuple[int, ...] = REPEATS, encode: nn.Module | None = None, watch: Watch | None = None,
) -> tuple[ClaimFigure, ...]:  # fmt: skip
    """Attack label, property, direction, image and picture from 1, 2, 4 and 8 near-duplicates, and the rows.

    Args:
        known: of images that the attacker has.
        test: of images that he is judged on.
        law: of decoys, as the device really draws them.
        nats: K, as promised for one transmission.
        classes: of labels.
        steps: of each attacker's training.
        seed: of all random numbers.
        repeats: numbers n of near-duplicates.
        encode: g with a gradient, images (N, C, H, W) in [0, 1] -> (N, D); None where there is none.
        watch: told of every step.

    Returns:
        Figures with the bounds that n·K nats leave: Fano's for label, property and image, Pinsker's for
        cosines, Donsker and Varadhan's for the pictures of images.
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
            w = gram.transmit(torch.from_numpy(test.feature), near)
        read, direction = gram.read(network, w)
        prior = Features(known.feature[:PARTICLES], known.labels[:PARTICLES])
        weight = posterior.weights(prior.feature, w.numpy(), law.components, law.sigma)
        guessed: dict[str, Scores] = {"gram network": read}
        guessed["posterior"] = posterior.labels_of(weight, prior.labels, classes)
        found += _labels(count, guessed, test, nats, classes, curve, seed)
        candidates = {
            "gram network": direction,
            "posterior": posterior.direction_of(weight, prior.feature),
            "first eigenvector": gram.first_eigenvector(w),
        }
        name = f"cosine to the feature, {_of(count)}"
        found.append(_direction(f"direction-{count}", name, candidates, test, count * nats, seed))
        found.append(_image(count, w.numpy(), test, law, nats, seed))
        if known.images is not None and test.images is not None:
            found.append(_picture(count, w.numpy(), known, test, law, nats, encode, seed))
    return (*found, _rows(test, law, nats, seed), _difference(test, law, nats, seed))


def _labels(
    count: int, guessed: dict[str, Scores], test: Features, nats: float, classes: int,
    curve: tuple[CurvePoint, ...], seed: int,
) -> Iterator[ClaimFigure]:  # fmt: skip
    """The label, and a property of two values: whether the label is in the first half of the classes."""
    half = classes // 2
    asked = {"label": {name: each.argmax(1) for name, each in guessed.items()}}
    asked["property"] = {
        name: (each[:, :half].sum(1) < each[:, half:].sum(1)).astype(int) for name, each in guessed.items()
    }
    words = {"label": "label guessed wrongly", "property": "half of the classes guessed wrongly"}
    for key, truth in (("label", test.labels), ("property", (test.labels >= half).astype(int))):
        frequent = float(np.bincount(truth).max() / len(truth))
        wrong = {name: guess != truth for name, guess in asked[key].items()}
        attack = min(wrong, key=lambda name: float(wrong[name].mean()))
        bound = 1 - limits.success_at_most(count * nats, frequent)
        rate = mean_interval(wrong[attack], seed)
        points = curve if attack == "gram network" else ()
        name = f"{words[key]}, {_of(count)}"
        yield ClaimFigure(
            f"{key}-{count}", name, attack, rate, 1 - frequent, "at least", bound, points
        )  # fmt: skip


def _image(count: int, w: Floats, test: Features, law: gram.GramLaw, nats: float, seed: int) -> ClaimFigure:
    """Which of LINEUP images it was: the attacker has them all, and the exact likelihood."""
    rng = np.random.default_rng(seed)
    count_all = len(test.feature)
    shifts = rng.integers(1, count_all, LINEUP - 1)
    others = (np.arange(count_all)[:, None] + shifts) % count_all
    candidates = np.concatenate([test.feature[:, None], test.feature[others]], axis=1)
    right = mean_interval(posterior.named(candidates, w, law.components, law.sigma), seed)
    bound = limits.success_at_most(count * nats, 1 / LINEUP)
    name = f"image named among {LINEUP}, {_of(count)}"
    return ClaimFigure(f"image-{count}", name, "likelihood", right, 1 / LINEUP, "at most", bound)


def _picture(
    count: int, w: Floats, known: Features, test: Features, law: gram.GramLaw, nats: float,
    encode: nn.Module | None, seed: int,
) -> ClaimFigure:  # fmt: skip
    """What the image looks like: by all that is known, and by a prior and the encoder's gradient."""
    assert known.images is not None  # noqa: S101 - the caller looked
    assert test.images is not None  # noqa: S101 - likewise
    mean = unit(known.images).mean(0)
    some = slice(min(PICTURED, len(w) // SHARE))
    truth, told = unit(test.images[some]), w[some]
    weight = posterior.weights(known.feature, told, law.components, law.sigma)
    guessed = {"posterior": pictures.posterior_mean(weight, known.images)}
    if encode is not None:
        guessed["gradient, Gaussian prior"] = _searched(known, told, law, encode, mean, count, seed)
    wrong = {name: squared_error(guess, truth) for name, guess in guessed.items()}
    attack = min(wrong, key=lambda name: float(wrong[name].mean()))
    value, low, high = (end**0.5 for end in mean_interval(wrong[attack], seed))
    chance = float(squared_error(np.broadcast_to(mean, truth.shape), truth).mean() ** 0.5)
    bound = pictures.rmse_at_least(test.images[some], count * nats)
    name = f"error of the rebuilt image (RMSE), {_of(count)}"
    return ClaimFigure(f"picture-{count}", name, attack, (value, low, high), chance, "at least", bound)


def _searched(
    known: Features, told: Floats, law: gram.GramLaw, encode: nn.Module, mean: Floats, count: int, seed: int
) -> Floats:
    """Likeliest images, as bold as serves on as many known ones that were sent by the attacker himself."""
    assert known.images is not None  # noqa: S101 - the caller looked
    prior = ImagePrior(pixels_of(torch.from_numpy(known.images[:PARTICLES]).to(device())))
    own = slice(-len(told), None)  # the prior's components come from the first ones
    near = gram.GramLaw(law.components, law.sigma, count, SPREAD if count > 1 else 0.0)
    with seeded(seed):
        sent = gram.transmit(torch.from_numpy(known.feature[own]), near).numpy()
    tried, found = (pictures.likeliest(prior, encode, seen, law.components) for seen in (sent, told))
    return mean + pictures.bolder_by(tried, unit(known.images[own]), mean) * (found - mean)


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
