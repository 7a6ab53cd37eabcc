import pytest

from phasekey.audit.report.judgement.grades import (
    LEAK_FROM,
    OPEN_FROM,
    Grade,
    grade,
    grade_in,
    looked_at,
    meets,
)
from phasekey.audit.result.result import Figure


def error(value, low, high, chance=1.0, raw=0.0):
    return Figure("some_error", "", value, low, high, chance, raw, falls=True, beside={})


def rate(value, low, high, chance=0.1, raw=None):
    return Figure("some_rate", "", value, low, high, chance, raw, falls=False, beside={})


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (error(0.05, 0.04, 0.06), Grade.OPEN),
        (error(0.5, 0.45, 0.55), Grade.LEAK),
        (error(0.95, 0.94, 0.96), Grade.TRACE),
        (error(0.99, 0.97, 1.01), Grade.CHANCE),  # holds chance, and no room for a leak worth the name
        (error(0.8, 0.5, 1.1), Grade.UNSURE),  # holds chance, and much else
        (error(1.2, 1.1, 1.3), Grade.CHANCE),  # worse than guessing
        (rate(0.99, 0.98, 1.0), Grade.OPEN),
        (rate(0.5, 0.45, 0.55), Grade.LEAK),
        (rate(0.12, 0.11, 0.13), Grade.TRACE),
        (rate(0.1, 0.08, 0.12), Grade.CHANCE),
        (rate(0.3, 0.05, 0.6), Grade.UNSURE),
        (rate(0.02, 0.01, 0.03), Grade.CHANCE),
    ],
)
def test_grades_by_value_and_interval(figure, expected):
    assert grade(figure) is expected


def test_the_scale_ends_at_what_the_same_attacker_gets_with_nothing_hidden():
    assert grade(error(0.62, 0.61, 0.63, raw=0.6)) is Grade.OPEN
    assert grade(error(0.62, 0.61, 0.63, raw=0.0)) is Grade.LEAK


def test_thresholds_are_where_the_names_change():
    for threshold, below, above in (
        (OPEN_FROM, Grade.LEAK, Grade.OPEN),
        (LEAK_FROM, Grade.TRACE, Grade.LEAK),
    ):
        for step, expected in ((-0.01, below), (0.01, above)):
            value = 1 - threshold - step
            assert grade(error(value, value - 0.001, value + 0.001)) is expected


@pytest.mark.parametrize(
    ("figure", "aim", "expected"),
    [
        (error(1.5, 1.46, 1.54), 1.45, True),
        (error(1.4, 1.38, 1.42), 1.45, False),
        (error(1.45, 1.4, 1.5), 1.45, None),
        (rate(0.7, 0.65, 0.75), 0.75, True),
        (rate(0.9, 0.85, 0.95), 0.75, False),
        (rate(0.76, 0.7, 0.8), 0.75, None),
        (rate(0.0, 0.0, 0.0), 0.0, True),
    ],
)
def test_an_aim_is_reached_by_the_whole_interval(figure, aim, expected):
    assert meets(figure, aim) is expected


def test_of_many_figures_some_leave_chance_out_by_luck():
    assert grade(error(0.95, 0.91, 0.99)) is Grade.TRACE
    assert grade(error(0.95, 0.91, 0.99), among=40) is Grade.CHANCE
    assert grade(error(0.85, 0.71, 0.99), among=40) is Grade.UNSURE
    assert grade(error(0.5, 0.45, 0.55), among=40) is Grade.LEAK


def test_an_audit_counts_what_its_verdict_chooses_from(audits):
    weak = audits.figure("angle_circle", 1.55, audits.CIRCLE, half=0.018)
    once = audits.audit(audits.attack("likelihood", "angle", weak))
    assert looked_at(once) == 1
    assert grade_in(once, weak) is Grade.TRACE
    often = [
        audits.attack(f"attack-{at}", "angle", *audits.angle_figures(1.57, 0.785, 0.393)) for at in range(9)
    ]
    many = audits.audit(audits.attack("right-key", "inversion", weak), *often)
    assert looked_at(many) > 9  # yardsticks apart
    assert grade_in(many, weak) is Grade.CHANCE
