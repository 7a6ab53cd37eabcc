import pytest

from phasekey.audit.attack import CurvePoint
from phasekey.audit.report.judgement.progress import improving, state


def curve(*losses):
    return tuple(CurvePoint(10 * at, loss, loss) for at, loss in enumerate(losses, 1))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((), "none"),
        ((1.0, 0.5), "unclear"),
        ((1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), "improving"),
        ((1.0, 0.5, 0.3, 0.21, 0.2, 0.2, 0.2, 0.199), "level"),
        ((1.0, 0.5, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), "overfitted"),
        # a start so good that the rest is small beside it
        ((0.0267, 0.05, 0.0268, 0.0265, 0.0264, 0.0263, 0.0262, 0.0261), "level"),
        ((1.0, 1.1, 1.2, 1.0, 1.3, 1.1, 1.2, 1.4), "nothing"),
    ],
)
def test_reads_how_a_training_ended(losses, expected):
    assert state(curve(*losses)) == expected
    assert improving(curve(*losses)) == (expected == "improving")
