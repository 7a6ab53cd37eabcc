"""Every attack breaks what is known to leak, to a stated figure, and finds nothing where there is nothing.

One row for each attack says where and how far. An attack without a row fails here, so nobody ships one that
was never shown to work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pytest

from phasekey.audit.attack import Attack
from phasekey.audit.attacks import ATTACKS
from phasekey.audit.result.result import Figure
from phasekey.audit.scene.build import Labelled
from phasekey.audit.scene.controls import ConstantDevice, GaussianDevice, LeakyDevice


@dataclass(frozen=True)
class Held:
    """By this figure an attack reaches `bound` in the scene `leaks`, and is at chance in `hides`."""

    key: str
    bound: float
    leaks: str = "leaky"
    hides: str = "gaussian"


# Bounds of angles, inversion, pool and repeats are those that issue 4 states.
HELD: dict[str, Held] = {
    "mean-template": Held("angle_circle", 0.3),
    "likelihood": Held("angle_circle", 0.2),
    "ica": Held("angle_mod_half_pi", 0.1),
    "discriminator-angle": Held("angle_circle", 0.3),
    "angle-network": Held("angle_circle", 0.1),
    # Made for narrow features: on the leaky one, of 4,096 values, it is slow to learn.
    "density-ratio": Held("angle_circle", 0.7),
    "best-of-k": Held("best_of_k_cosine", 0.999),
    "manifold-fit": Held("angle_circle", 0.05),
    "label-search": Held("label_error", 0.1),
    "right-key": Held("rmse", 0.12, hides="constant"),
    "inversion-1": Held("rmse", 0.12, hides="constant"),
    "inversion-1-trained": Held("rmse", 0.12, hides="constant"),
    "inversion-2": Held("rmse", 0.12, hides="constant"),
    "inversion-fit": Held("rmse", 0.12, hides="constant"),
    "generative-prior": Held("rmse", 0.2, hides="constant"),
    "pair-decoder": Held("rmse_best_of_2", 0.12, hides="constant"),
    "inference-1": Held("property_error", 0.15, hides="constant"),
    "inference-2": Held("property_error", 0.1, hides="constant"),
    "inference-3": Held("property_error", 0.15, hides="constant"),
    "inference-4": Held("property_error", 0.1, hides="constant"),
    "inference-x": Held("property_error", 0.1, hides="constant"),
    "decoy-pool": Held("decoy_identified", 0.99, leaks="leaky_pool"),
    "repeated-query": Held("repeat_cosine_exact", 0.99, leaks="leaky_fresh"),
    "membership": Held("membership_auc", 0.99, leaks="memorising"),
}

FIGURES = 80  # about so many are looked at in scenes that hide

attacks = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
FiguresOf = Callable[[str, str], dict[str, Figure]]


def held(attack: Attack) -> Held:
    assert attack.name in HELD, f"{attack.name} is not held to any control: add its row to HELD"
    return HELD[attack.name]


def as_strong_as(figure: Figure, bound: float) -> bool:
    return figure.value <= bound if figure.falls else figure.value >= bound


def at_chance(figure: Figure, tests: int) -> bool:
    """Whether chance lies in the figure's interval, or the attack does worse than chance.

    The 95 % interval is widened (Bonferroni, normal tails) so that all `tests` figures together fail by bad
    luck at most once in twenty.
    """
    wider = NormalDist().inv_cdf(1 - 0.025 / tests) / NormalDist().inv_cdf(0.975)
    if figure.falls:
        return figure.value + wider * (figure.high - figure.value) >= figure.chance
    return figure.value - wider * (figure.value - figure.low) <= figure.chance


@attacks
def test_breaks_what_is_known_to_leak(attack: Attack, figures_of: FiguresOf) -> None:
    row = held(attack)
    figure = figures_of(attack.name, row.leaks)[row.key]
    assert as_strong_as(figure, row.bound), f"{figure.key} {figure.value:.3f}, {row.bound} was to be reached"
    assert not at_chance(figure, 1), "a control that chance passes as well is none"


@attacks
def test_finds_nothing_where_nothing_is(attack: Attack, figures_of: FiguresOf) -> None:
    """By any of its figures: an attack that is at chance on the circle may still see something modulo π."""
    figures = figures_of(attack.name, held(attack).hides)
    assert held(attack).key in figures
    found = [
        f"{key} {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f}), chance {figure.chance:.3f}"
        for key, figure in figures.items()
        if not at_chance(figure, FIGURES)
    ]
    assert not found


def test_all_rows_are_of_attacks() -> None:
    assert set(HELD) == {attack.name for attack in ATTACKS}


def test_names_of_attacks_are_unique() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("value", "low", "high", "falls", "expected"),
    [
        (0.50, 0.40, 0.60, True, True),  # chance 0.55 inside
        (0.30, 0.20, 0.40, True, False),  # far below in an error
        (0.70, 0.65, 0.75, True, True),  # worse than chance
        (0.70, 0.65, 0.75, False, False),  # far above in a rate
        (0.40, 0.35, 0.45, False, True),
    ],
)
def test_the_rule_itself(value: float, low: float, high: float, falls: bool, expected: bool) -> None:
    figure = Figure("key", "", value, low, high, 0.55, None, falls, {})
    assert at_chance(figure, 1) is expected


def test_many_tests_widen_the_interval() -> None:
    figure = Figure("key", "", 0.40, 0.30, 0.50, 0.55, None, True, {})
    assert not at_chance(figure, 1)
    assert at_chance(figure, 30)


def test_leaky_features_are_wide_and_not_negative(digits: tuple[Labelled, Labelled]) -> None:
    known = digits[0]
    feature = LeakyDevice(known).encode(known.images[:5])
    assert feature.shape == (5, 16, 8, 8)
    assert feature[0].size > known.images[0].size
    assert feature.min() == 0


def test_leaky_features_are_the_convolution_they_say(digits: tuple[Labelled, Labelled]) -> None:
    known = digits[0].rows(np.arange(20))
    device = LeakyDevice(known)
    image = np.pad(known.images[0, :, :, 0] / 255, 2)
    kernel = device._kernels[:, :, 0, 3]
    there = (image[4:9, 6:11] * kernel).sum()  # row 2, column 3 at stride 2
    np.testing.assert_allclose(device.encode(known.images[:1])[0, 3, 2, 3], max(there, 0), rtol=1e-4)


def test_gaussian_features_follow_from_the_image_alone(digits: tuple[Labelled, Labelled]) -> None:
    images = digits[0].images[:200]
    feature = GaussianDevice().encode(images)
    np.testing.assert_array_equal(feature, GaussianDevice(seed=1).encode(images))
    nudged = images[:1].copy()
    nudged[0, 0, 0, 0] ^= 1
    assert abs(np.corrcoef(GaussianDevice().encode(nudged)[0], feature[0])[0, 1]) < 0.5
    assert abs(feature.mean()) < 0.03
    assert abs(feature.std() - 1) < 0.03


def test_constant_features_hold_nothing_of_the_image(digits: tuple[Labelled, Labelled]) -> None:
    feature = ConstantDevice().encode(digits[0].images[:9])
    assert (feature == feature[0]).all()
