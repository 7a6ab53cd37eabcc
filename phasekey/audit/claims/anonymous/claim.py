"""The claim of `anonymous`: the input is one of k. Identification, films, and separation for O(k)."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import CurvePoint, Watch
from phasekey.audit.attackers.image_decoder import images_by, pairs_of
from phasekey.audit.attackers.networks.linear_picture import LinearPicture
from phasekey.audit.attackers.training import device
from phasekey.audit.claims.anonymous import identification, linkage, ratio_search, row_cleaner, separation
from phasekey.audit.claims.figures import ClaimFigure
from phasekey.audit.claims.transmissions import draw_secrets, mix
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.bootstrap import mean_interval, two_sample_interval
from phasekey.audit.numerics.metrics import squared_error
from phasekey.audit.scene.scene import Pixels

Floats = NDArray[np.float32]
COMPONENTS = (2, 4, 8)
FRAMES = (2, 4, 8)  # of a film, attacked jointly
SEARCH, CLEANER = "density-ratio search", "trained network"
PERFECT = np.pi / 4  # radians: both axes are found, which of them is yours stays a coin's throw


@dataclass(frozen=True)
class Crowd:
    """Features (N, ...) of four disjoint sets of images.

    Attributes:
        inputs, decoys: what the judge is judged on.
        known_inputs, known_decoys: what he is trained on, told which is which.
    """

    inputs: Floats
    decoys: Floats
    known_inputs: Floats
    known_decoys: Floats


def drawn_rows(crowd: Crowd, components: int, rng: np.random.Generator) -> Floats:
    """Put each input above k - 1 different decoys: M, (N, k, ...)."""
    chosen = np.stack(
        [rng.choice(len(crowd.decoys), components - 1, replace=False) for _ in range(len(crowd.inputs))]
    )
    return np.concatenate([crowd.inputs[:, None], crowd.decoys[chosen]], axis=1)


def judge_identification(
    crowd: Crowd,
    *,
    signs: bool,
    steps: int,
    seed: int,
    components: tuple[int, ...] = COMPONENTS,
    watch: Watch | None = None,
) -> tuple[identification.Judge, tuple[ClaimFigure, ...]]:
    """Train a judge of input against decoy, and let him name the input among k.

    Args:
        crowd: features of inputs and decoys.
        signs: whether rows reach him with unknown signs, as orthogonal secrets leave them.
        steps: of his training.
        seed: of all random numbers.
        components: numbers k.
        watch: told of every step of his training.

    Returns:
        The judge; the area under his curve, and his rate for each k beside 1/k.
    """
    judge = identification.train_judge(
        crowd.known_inputs, crowd.known_decoys, signs=signs, steps=steps, seed=seed, watch=watch
    )
    inputs, decoys = judge.score(crowd.inputs), judge.score(crowd.decoys)
    area = two_sample_interval(identification.auc, inputs, decoys, seed)
    name, attack = "input told from decoy (AUC)", "trained judge"
    found = [ClaimFigure("auc", name, attack, area, 0.5, "at most", 0.5, judge.curve)]
    for k in components:
        if k - 1 > len(decoys):
            continue
        # Inputs and decoys are both resampled: the interval tells of either's being few.
        rate = two_sample_interval(partial(identification.naming_rate, components=k), inputs, decoys, seed)
        name = f"input named among {k}"
        found.append(ClaimFigure(f"identification-{k}", name, attack, rate, 1 / k, "at most", 1 / k))
    return judge, tuple(found)


def judge_film(
    inputs: Floats, decoys: Floats, judge: identification.Judge, *, session: bool, seed: int
) -> ClaimFigure:
    """Follow films of T frames over their transmissions.

    Args:
        inputs: features of films, (N, T, D...).
        decoys: with a session, films of decoys (N, k - 1, T, D...), each hiding one film; without one, decoys
            drawn for each frame, of the same shape.
        judge: of single rows.
        session: which of the two it was.
        seed: of the interval.

    Returns:
        How often the input is named: by how well rows recur, and by the judge's scores along each row.
    """
    count, frames = inputs.shape[:2]
    rows = np.concatenate([inputs[:, None], decoys], axis=1).swapaxes(1, 2)  # (N, T, k, ...)
    k = rows.shape[2]
    flat = rows.reshape(count, frames, k, -1)
    scores = judge.score(rows.reshape(-1, *rows.shape[3:])).reshape(count, frames, k)
    recurring, judged = [], []
    for film, points in zip(flat, scores, strict=True):
        recurring.append(linkage.recurrence(film[0], film[1:]))
        paths = linkage.follow(film[0], film[1:])
        judged.append(points[0] + np.take_along_axis(points[1:], paths, axis=1).sum(0))
    rights = {
        "recurrence": identification.named_rightly(np.stack(recurring)),
        "judge along the film": identification.named_rightly(np.stack(judged)),
    }
    attack = max(rights, key=lambda name: float(rights[name].mean()))
    key, word = ("film-session", "with a session") if session else ("film", "without a session")
    name = f"film of {frames} frames named among {k}, {word}"
    rate = mean_interval(rights[attack], seed)
    if not session:
        return ClaimFigure(f"{key}-{k}", name, attack, rate, 1 / k)
    return ClaimFigure(f"{key}-{k}", name, attack, rate, 1 / k, "at most", 1 / k)


def judge_frames(
    inputs: Floats, decoys: Floats, *, session: bool, seed: int, counts: tuple[int, ...] = FRAMES
) -> tuple[ClaimFigure, ...]:
    """Find the input's direction behind orthogonal secrets from n frames of a film, jointly.

    Args:
        inputs: features of films, (N, T, D...).
        decoys: (N, k - 1, T, D...), films with a session, drawn for each frame without one.
        session: which of the two it was.
        seed: of secrets and interval.
        counts: numbers n, each T at most.

    Returns:
        Mean |cosine| of the direction that n transmissions share to the first frame's feature, beside that
        of one; nothing is promised.
    """
    rows = np.concatenate([inputs[:, None], decoys], axis=1).swapaxes(1, 2)
    count, frames, k = rows.shape[:3]
    flat = rows.reshape(count * frames, k, -1)
    secrets = draw_secrets("orthogonal", len(flat), k, np.random.default_rng(seed))
    x = mix(flat, secrets).reshape(count, frames, k, -1)
    truth = inputs[:, 0].reshape(count, -1)
    unit = truth / np.maximum(np.linalg.norm(truth, axis=1, keepdims=True), 1e-12)
    cosines = {n: np.abs((linkage.shared_direction(x[:, :n]) * unit).sum(1)) for n in {1, *counts}}
    chance, word = float(cosines[1].mean()), "with a session" if session else "without a session"
    key = "frames-session" if session else "frames"
    return tuple(
        ClaimFigure(
            f"{key}-{n}", f"cosine to the feature, {n} frames, {word}", "direction that spans share",
            mean_interval(cosines[n], seed), chance,
        )
        for n in counts
    )  # fmt: skip


def judge_separation(
    crowd: Crowd,
    judge: identification.Judge,
    components: int,
    *,
    most: int,
    steps: int,
    seed: int,
    shown: tuple[Pixels, Pixels] | None = None,
    watch: Watch | None = None,
) -> tuple[ClaimFigure, ...]:
    """Find the rows behind an orthogonal secret, what they show, and at k = 2 the angle, on the full circle.

    Args:
        crowd: features of inputs and decoys.
        judge: of rows up to sign, trained with signs.
        components: k.
        most: transmissions to attack.
        steps: of the training of who tells rows from mixtures, of who cleans them, and at k = 2 of who
            tells a row from its negative.
        seed: of all random numbers.
        shown: images of the known inputs and of the inputs, where pictures are to be made of rows.
        watch: told of every step of that training.

    Returns:
        Mean |cosine| of the input's row to the nearest row found, and the error of the picture that this row
        gives, for which nothing is promised; and at k = 2 the mean angle between the input's axis as guessed
        and as it is, at least π/4 of perfect 2-anonymity.
    """
    rng = np.random.default_rng(seed)
    rows = drawn_rows(crowd, components, rng)[:most]
    secrets = draw_secrets("orthogonal", len(rows), components, rng)
    x = mix(rows.reshape(len(rows), components, -1), secrets).reshape(rows.shape)
    estimates = np.stack([separation.separate(one, seed) for one in x])
    rows = np.concatenate([crowd.known_inputs, crowd.known_decoys])
    mixed = rows[np.random.default_rng(seed).permutation(len(rows))]
    score = ratio_search.train_score(mixed, components, steps=steps, seed=seed, watch=watch)
    climbed = ratio_search.search(x, score, estimates, seed)
    cleaner = row_cleaner.train_cleaner(mixed, components, steps=steps, seed=seed, watch=watch)
    tried = {
        "FastICA of differences": estimates,
        SEARCH: climbed,
        CLEANER: row_cleaner.clean(x, cleaner, estimates, seed),
    }
    curves = {SEARCH: score.curve, CLEANER: cleaner.curve}
    found = [_rows_found(components, tried, secrets, curves, seed)]
    if shown is not None:
        turned = tried[found[0].attack].swapaxes(1, 2)
        which = np.abs(turned @ secrets[:, :, :1]).argmax(1)[:, :, None]
        nearest = np.einsum("nk,nk...->n...", np.take_along_axis(turned, which, axis=1)[:, 0], x)
        images = shown[0], shown[1][: len(x)]
        found.append(_picture(components, np.asarray(nearest, np.float32), crowd.known_inputs, images, seed))
    if components == 2:
        upright = identification.train_judge(rows, -rows, signs=False, steps=steps, seed=seed, watch=watch)
        found.append(_angle(x, climbed, secrets, (judge, upright), seed))
    return tuple(found)


def _rows_found(
    components: int, tried: dict[str, NDArray[np.float64]], secrets: NDArray[np.float64],
    curves: dict[str, tuple[CurvePoint, ...]], seed: int,
) -> ClaimFigure:  # fmt: skip
    """How well the input's row is found by the strongest of three."""
    matches = {
        name: np.array([separation.row_match(e, q)[0] for e, q in zip(found, secrets, strict=True)])
        for name, found in tried.items()
    }
    attack = max(matches, key=lambda name: float(matches[name].mean()))
    name, blind = f"rows found of {components} (cosine)", separation.blind_match(components)
    curve = curves.get(attack, ())
    return ClaimFigure(
        f"separation-{components}", name, attack, mean_interval(matches[attack], seed), blind, curve=curve
    )  # fmt: skip


def _picture(
    components: int, rows: Floats, known: Floats, images: tuple[Pixels, Pixels], seed: int
) -> ClaimFigure:
    """What the input's row shows, by a regression of known images; its sign is that of the mean feature."""
    sign = np.sign((rows * known.mean(0)).reshape(len(rows), -1).sum(1))
    height, width, channels = images[0].shape[1:]
    decoder = LinearPicture(known.shape[1:], (channels, height, width)).to(device())
    pairs = pairs_of(known, images[0])
    held, seen = slice(len(known) // 10), slice(len(known) // 10, None)
    parts = [(pairs.features[part], pairs.targets(part)) for part in (seen, held)]
    decoder.fit(*parts)
    pictures = images_by(decoder, rows * sign.reshape(-1, *[1] * (rows.ndim - 1)).astype(np.float32))[:, 0]
    truth, mean = unit(images[1]), unit(images[0]).mean(0)
    value, low, high = (end**0.5 for end in mean_interval(squared_error(pictures, truth), seed))
    chance = float(squared_error(np.broadcast_to(mean, truth.shape), truth).mean() ** 0.5)
    name = f"error of the picture of the input's row, of {components} (RMSE)"
    return ClaimFigure(f"picture-{components}", name, "rows found, regression", (value, low, high), chance)


def _angle(
    x: Floats, estimates: NDArray[np.float64], secrets: NDArray[np.float64],
    judges: tuple[identification.Judge, identification.Judge], seed: int,
) -> ClaimFigure:  # fmt: skip
    """Of the four axes ±q̂, take that whose row both judges like best, as an input and as upright: radians."""
    axes = np.concatenate([estimates.swapaxes(1, 2), -estimates.swapaxes(1, 2)], axis=1)  # (N, 4, 2)
    rows = np.einsum("naj,nj...->na...", axes, x).astype(np.float32)
    flat = rows.reshape(-1, *rows.shape[2:])
    scores = np.sum([judge.score(flat) for judge in judges], axis=0).reshape(len(x), -1)
    chosen = np.take_along_axis(axes, scores.argmax(1)[:, None, None], axis=1)[:, 0]
    error = mean_interval(np.arccos(np.clip((chosen * secrets[:, :, 0]).sum(1), -1, 1)), seed)
    name = "angle, full circle (rad)"
    return ClaimFigure("circle", name, "separation and judges", error, np.pi / 2, "at least", float(PERFECT))
