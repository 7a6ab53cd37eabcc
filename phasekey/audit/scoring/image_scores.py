"""How good reconstructions are, by five measures, each beside what costs no attack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Findings
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.bootstrap import mean_interval
from phasekey.audit.numerics.metrics import (
    absolute_error,
    best_of,
    majority,
    mistakes,
    psnr,
    squared_error,
    ssim,
)
from phasekey.audit.result.catalogue import catalogue, measured
from phasekey.audit.result.result import Figure
from phasekey.audit.scene.scene import Floats, Scene
from phasekey.audit.scoring.baselines import TrivialImages, trivial_images
from phasekey.audit.scoring.recogniser import Recogniser, what_to_see

Rows = NDArray[np.float64]

BLEND, RIGHT_KEY = "50/50 blend with another image", "the right key"


@dataclass(frozen=True)
class Measure:
    """One figure of reconstructions.

    Attributes:
        key: in the catalogue of figures.
        rows: guesses (N, H, W, C) in [0, 1] -> a value for each, (N,).
        root: whether the figure is the root of their mean.
    """

    key: str
    rows: Callable[[Floats], Rows]
    root: bool = False

    def of(self, rows: Rows, seed: int) -> tuple[float, float, float]:
        """The figure with its 95% interval.

        Args:
            rows: (N,), from `rows`.
            seed: of the bootstrap.

        Returns:
            Value, low and high.
        """
        value, low, high = mean_interval(rows, seed)
        return (value**0.5, low**0.5, high**0.5) if self.root else (value, low, high)

    def value(self, guesses: Floats) -> float:
        """The figure of some guesses, without an interval.

        Args:
            guesses: (N, H, W, C) in [0, 1].

        Returns:
            In the figure's unit.
        """
        mean = float(self.rows(guesses).mean())
        return mean**0.5 if self.root else mean

    def best(self, values: Mapping[str, float]) -> float:
        """Of trivial predictors, the one to beat.

        Args:
            values: of this figure by the predictor's name.

        Returns:
            The smallest or the largest, as the figure falls or rises.
        """
        return min(values.values()) if catalogue()[self.key].falls else max(values.values())


@dataclass
class Yardsticks:
    """What all reconstructions of a scene are held against; made once. right_key: findings of the attacker
    who is given the angle, whose figures are the others' `raw`."""

    scene: Scene
    seed: int
    right_key: Findings | None = None
    recogniser: Recogniser = field(init=False)
    trivial: TrivialImages = field(init=False)
    measures: tuple[Measure, ...] = field(init=False)
    marks: dict[str, dict[str, float]] = field(init=False)
    blend: dict[str, float] = field(init=False)
    best: dict[str, float] = field(init=False, default_factory=dict)
    recognised: float = field(init=False)

    def __post_init__(self) -> None:
        self.recogniser = Recogniser(self.scene, self.seed)
        self.trivial = trivial_images(self.scene.train, self.scene.test, self.seed)
        self.measures = _measures(self.scene, self.recogniser)
        self.marks = {
            measure.key: {name: measure.value(guess) for name, guess in self.trivial.single.items()}
            for measure in self.measures
        }
        self.marks["recognised"]["majority guess"] = _majority_rate(self.scene)
        self.recognised = float((self.recogniser.sees(self.truth) == what_to_see(self.scene.test)).mean())

        self.blend = {measure.key: measure.value(self.trivial.blend) for measure in self.measures}
        if self.right_key is not None:
            pictures = _first(self.right_key.estimate)
            self.best = {measure.key: measure.value(pictures) for measure in self.measures}

    @property
    def truth(self) -> Floats:
        """The test images, in [0, 1]."""
        return unit(self.scene.test.images)

    def raw(self, measure: Measure, findings: Findings) -> float | None:
        """What is got with nothing hidden: real images for recognition, else the right key's pictures.

        Args:
            measure: of which figure.
            findings: with a `reference` where there is no right key.

        Returns:
            In the figure's unit; None where nothing of the kind is known.
        """
        if measure.key == "recognised":
            return self.recognised
        if measure.key in self.best or findings.reference is None:
            return self.best.get(measure.key)
        return measure.value(_first(findings.reference))

    def beside(self, measure: Measure) -> dict[str, float]:
        """Trivial predictors, and two marks that are none.

        Args:
            measure: of which figure.

        Returns:
            Values by name.
        """
        marks = {**self.marks[measure.key], BLEND: self.blend[measure.key]}
        if measure.key == "recognised" and self.best:
            marks[RIGHT_KEY] = self.best[measure.key]
        return marks


def image_figures(findings: Findings, yardsticks: Yardsticks) -> tuple[Figure, ...]:
    """All measures, of several guesses by the one that does best over all images, and each image's best RMSE.

    Args:
        findings: of an inversion attack.
        yardsticks: of the scene.

    Returns:
        Five figures or six.
    """
    single = tuple(_figure(measure, findings, yardsticks) for measure in yardsticks.measures)
    guesses = findings.estimate.shape[1]
    return single if guesses == 1 else (*single, _best_of(guesses, findings, yardsticks))


def _figure(measure: Measure, findings: Findings, yardsticks: Yardsticks) -> Figure:
    guesses = [measure.rows(guess.astype(np.float32)) for guess in findings.estimate.swapaxes(0, 1)]
    means = [float(rows.mean()) for rows in guesses]
    best = int(np.argmin(means) if catalogue()[measure.key].falls else np.argmax(means))
    return measured(
        measure.key, measure.of(guesses[best], yardsticks.seed),
        chance=measure.best(yardsticks.marks[measure.key]), raw=yardsticks.raw(measure, findings),
        beside=yardsticks.beside(measure),
    )  # fmt: skip


def _best_of(guesses: int, findings: Findings, yardsticks: Yardsticks) -> Figure:
    measure, truth = yardsticks.measures[0], yardsticks.truth

    def rows(pictures: NDArray[np.generic]) -> Rows:
        errors = [squared_error(pictures[:, guess], truth) for guess in range(pictures.shape[1])]
        return best_of(np.stack(errors, axis=1))

    two = np.broadcast_to(yardsticks.trivial.pair, (len(truth), *yardsticks.trivial.pair.shape))
    trivial = {
        "two cluster means": float(rows(two).mean() ** 0.5),
        "mean image": yardsticks.marks["rmse"]["mean image"],
    }
    return measured(
        f"rmse_best_of_{guesses}", measure.of(rows(findings.estimate), yardsticks.seed),
        chance=min(trivial.values()), raw=None, beside=trivial,  # the right key's attacker guesses once
    )  # fmt: skip


def _measures(scene: Scene, recogniser: Recogniser) -> tuple[Measure, ...]:
    truth, classes = unit(scene.test.images), what_to_see(scene.test)

    def recognised(guess: Floats) -> Rows:
        return 1 - mistakes(recogniser.sees(guess), classes)

    return (
        Measure("rmse", lambda guess: squared_error(guess, truth), root=True),
        Measure("mae", lambda guess: absolute_error(guess, truth)),
        Measure("ssim", lambda guess: ssim(guess, truth)),
        Measure("psnr", lambda guess: psnr(guess, truth)),
        Measure("recognised", recognised),
    )


def _majority_rate(scene: Scene) -> float:
    return float((what_to_see(scene.test) == majority(what_to_see(scene.train))).mean())


def _first(estimate: NDArray[np.generic]) -> Floats:
    pictures: Floats = estimate[:, 0].astype(np.float32)
    return pictures
