"""From findings to figures: what an attack got, how sure that is, and what chance and raw input give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import AnswerAngles, FoldedAngles
from phasekey.audit.attack import Attack, Findings, Leak
from phasekey.audit.numerics.bootstrap import mean_interval, two_sample_interval
from phasekey.audit.numerics.metrics import (
    area_under_curve,
    circular_error,
    cosine,
    majority,
    mistakes,
    true_positives_at,
)
from phasekey.audit.numerics.rotation import cosines, major_axis
from phasekey.audit.result.catalogue import measured
from phasekey.audit.result.result import Figure
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scoring.image_scores import Yardsticks, image_figures

Rows = NDArray[np.float64]

# Suffix of the figure's key, and circumference.
CIRCLES = (("circle", 2 * np.pi), ("mod_pi", np.pi), ("mod_half_pi", np.pi / 2))
DIRECTIONS = 64  # of a plane, evenly spaced, that stand for a random one
FALSE_POSITIVES = 0.01
RAW_FEATURE = "the same attacker on the raw feature"


@dataclass(frozen=True)
class ScoreContext:
    """What scores need of a scene once.

    Attributes:
        scene: with the truth.
        seed: of the bootstrap.
        right_key: findings of the attack of that name, where it ran.
    """

    scene: Scene
    seed: int
    right_key: Findings | None = None

    @classmethod
    def of(cls, scene: Scene, seed: int, right_key: Findings | None = None) -> "ScoreContext":
        """What all attacks' scores on a scene share.

        Args:
            scene: with the truth.
            seed: of the bootstrap.
            right_key: that attack's findings, None where it did not run.

        Returns:
            The context.
        """
        return cls(scene, seed, right_key)

    @cached_property
    def yardsticks(self) -> Yardsticks:
        """Made when the first reconstruction is scored: a classifier is trained for it."""
        return Yardsticks(self.scene, self.seed, self.right_key)


def score(attack: Attack, findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    """All figures of one attack, in the order in which reports show them.

    Intervals are of test images (bootstrap); those of membership, of test and of training images.

    Args:
        attack: for its leak.
        findings: what it found.
        scene: with the truth.
        context: of that scene.

    Returns:
        Figures of the catalogue.
    """
    return SCORES[attack.leak](findings, scene, context)


def _angle(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    if findings.estimate.ndim == 2:
        return (_best_of_list(findings, scene, context),)
    # An estimate that is only known modulo π says nothing of the full circle.
    known = (circle for circle in CIRCLES if circle[1] <= findings.period * (1 + 1e-9))
    return tuple(_angle_error(findings, scene, context, *circle) for circle in known)


def _angle_error(
    findings: Findings, scene: Scene, context: ScoreContext, suffix: str, period: float
) -> Figure:
    def errors(estimate: NDArray[np.generic]) -> Rows:
        return circular_error(estimate, _theta(scene), period)

    return _mean_figure(
        f"angle_{suffix}", errors(_folded(findings, suffix)), context,
        chance=period / 4, beside={"constant guess": float(errors(np.zeros(1)).mean())},
        raw=None if findings.reference is None else float(errors(findings.reference).mean()),
    )  # fmt: skip


def _folded(findings: Findings, suffix: str) -> NDArray[np.generic]:
    """The guess by which this circle is scored: one made for it where the attack left one."""
    folded = findings.get(FoldedAngles)
    guess: NDArray[np.generic] = getattr(folded, suffix, findings.estimate)
    return guess


def _best_of_list(findings: Findings, scene: Scene, context: ScoreContext) -> Figure:
    """The list's best guess beside a list that is evenly spaced around the circle, whatever x is."""
    test, count = scene.test, findings.estimate.shape[1]
    even = np.linspace(0, 2 * np.pi, count, endpoint=False)
    starts = np.random.default_rng(context.seed).uniform(0, 2 * np.pi, (len(test), 1))
    found = cosines(test.x, test.feature, findings.estimate.astype(np.float64))
    chance = float(cosines(test.x, test.feature, starts + even).max(1).mean())
    return _mean_figure(
        "best_of_k_cosine", found.max(1), context, guesses=count, chance=chance,
        beside={f"{count} evenly spaced guesses": chance, "first guess alone": float(found[:, 0].mean())},
    )  # fmt: skip


def _property(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    what = "the task's own label" if scene.property_is_task else f"of {len(scene.property_names)} classes"
    truth = scene.test.property
    return (_classes("property_error", findings, scene.train.property, truth, context, classes=what),)


def _label(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    figures = (_classes("label_error", findings, scene.train.labels, scene.test.labels, context),)
    angles = findings.get(AnswerAngles)
    return figures if angles is None else figures + _angle(Findings(angles.test), scene, context)


def _classes(
    key: str, findings: Findings, known: NDArray[np.int64], truth: NDArray[np.int64], context: ScoreContext,
    **words: object,
) -> Figure:  # fmt: skip
    beside = {"majority guess": float(mistakes(majority(known), truth).mean())}
    raw = None if findings.reference is None else float(mistakes(findings.reference, truth).mean())
    return _mean_figure(
        key, mistakes(findings.estimate, truth), context, chance=beside["majority guess"], raw=raw,
        beside=beside if raw is None else {**beside, RAW_FEATURE: raw}, **words,
    )  # fmt: skip


def _decoy(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    """A decoy that was none of the candidates cannot be named; a claim that it was one is a wrong one."""
    assert scene.pool is not None  # noqa: S101 - the attack says why_not without
    claim = findings.estimate.astype(np.int64)
    right = (claim == scene.pool.member) & (scene.pool.member >= 0)
    wrong = (claim >= 0) & ~right
    candidates = len(scene.pool.candidates)
    return (
        _mean_figure(
            "decoy_identified", right, context, candidates=candidates, chance=1 / candidates,
            beside={"one candidate at random": 1 / candidates, "wrong claims": float(wrong.mean())},
        ),
    )  # fmt: skip


def _repeat(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    """Chance is what the first transmission alone gives away, or a mean feature without any."""
    test = scene.test
    mean = np.broadcast_to(scene.train.feature.mean(0), test.feature.shape)
    even = np.linspace(0, np.pi, DIRECTIONS, endpoint=False)
    axis = major_axis(test.x)[:, None]
    beside = {
        "mean feature": _mean_cosine(cosine(mean, test.feature)),
        "random direction in the plane of x": _mean_cosine(
            cosines(test.x, test.feature, np.broadcast_to(even, (len(test), DIRECTIONS)))
        ),
        "longest direction in the plane of x": _mean_cosine(cosines(test.x, test.feature, axis)),
    }
    return tuple(
        _mean_figure(
            f"repeat_cosine_{name.replace('-', '_')}",
            np.abs(cosine(findings.estimate[:, index], test.feature)), context,
            chance=max(beside.values()), beside=beside,
        )
        for index, name in enumerate(scene.repeats)
    )  # fmt: skip


def _mean_cosine(cosines_: Rows) -> float:
    return float(np.abs(cosines_).mean())


def _membership(findings: Findings, scene: Scene, context: ScoreContext) -> tuple[Figure, ...]:
    """Rows of the test split, then of the training split."""
    count, seed = len(scene.test), context.seed
    statistics: Mapping[str, tuple[float, Callable[[Rows, Rows], float]]] = {
        "membership_auc": (0.5, area_under_curve),
        f"membership_tpr_at_fpr_{FALSE_POSITIVES}": (
            FALSE_POSITIVES,
            lambda outside, inside: true_positives_at(outside, inside, FALSE_POSITIVES),
        ),
    }  # fmt: skip

    def figure(key: str, chance: float, statistic: Callable[[Rows, Rows], float]) -> Figure:
        estimate = findings.estimate.astype(np.float64)
        interval = two_sample_interval(statistic, estimate[:count], estimate[count:], seed)
        best = None if findings.reference is None else findings.reference.astype(np.float64)
        raw = None if best is None else statistic(best[:count], best[count:])
        return measured(key, interval, chance=chance, raw=raw, beside={"coin": chance})

    return tuple(figure(key, *rest) for key, rest in statistics.items())


def _mean_figure(
    key: str, rows: NDArray[np.generic], context: ScoreContext, *,
    chance: float, beside: Mapping[str, float], raw: float | None = None, **words: object,
) -> Figure:  # fmt: skip
    interval = mean_interval(rows, context.seed)
    return measured(key, interval, chance=chance, beside=beside, raw=raw, **words)


def _theta(scene: Scene) -> Rows:
    assert scene.test.theta is not None  # noqa: S101 - attacks on angles say why_not first
    return scene.test.theta


SCORES: Mapping[Leak, Callable[[Findings, Scene, ScoreContext], tuple[Figure, ...]]] = {
    "angle": _angle,
    "inversion": lambda findings, scene, context: image_figures(findings, context.yardsticks),  # noqa: ARG005
    "property": _property,
    "label": _label,
    "decoy": _decoy,
    "repeat": _repeat,
    "membership": _membership,
}
