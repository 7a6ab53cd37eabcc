"""Figures of a claim, judged one by one and together."""

import numpy as np
import pytest

from phasekey.audit.claims.figures import ClaimFigure, promising, table
from phasekey.audit.numerics.bootstrap import mean_interval


def figure(
    value: float, low: float, high: float, promise="at most", bound: float | None = 0.5
) -> ClaimFigure:
    return ClaimFigure("key", "A figure", "an attack", (value, low, high), 0.5, promise, bound)


def test_a_figure_is_kept_where_its_interval_reaches_the_promised_side() -> None:
    assert figure(0.52, 0.49, 0.55).kept is True
    assert figure(0.55, 0.51, 0.59).kept is False
    assert figure(0.45, 0.41, 0.49, "at least").kept is False
    assert figure(0.9, 0.8, 1.0, "none", None).kept is None


def test_among_several_a_near_miss_is_luck_and_a_wide_one_is_not() -> None:
    near, wide = figure(0.54, 0.501, 0.579), figure(0.7, 0.66, 0.74)
    assert near.kept is False
    assert near.kept_among(6) is True
    assert wide.kept_among(6) is False
    text = table([near] * 5 + [wide, figure(0.9, 0.8, 1.0, "none", None)])
    assert text.count("kept (by luck beyond)") == 5
    assert text.count("**broken**") == 1
    assert promising([near, wide, figure(1, 1, 1, "none", None)]) == 2


@pytest.mark.parametrize("count", [1, 12])
def test_twelve_figures_on_their_bounds_seldom_look_broken(count: int) -> None:
    """Monte Carlo of audits whose promise is kept and tight: shares that are 1/4."""
    rng = np.random.default_rng(0)
    audits = 100
    broken = 0
    for audit in range(audits):
        hits = rng.random((12, 400)) < 0.25
        figures = [figure(*mean_interval(each, audit), bound=0.25) for each in hits]
        broken += any(each.kept_among(count) is False for each in figures)
    assert (broken <= 10) is (count == 12)
