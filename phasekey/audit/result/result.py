"""What an audit found, as plain values: the content of report.json."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from phasekey.audit.attack import CurvePoint, Leak

FORMAT_VERSION = 1
# Attackers that are given what the others look for: yardsticks, so never the strongest of anything.
REFERENCES = frozenset({"right-key"})


@dataclass(frozen=True)
class Figure:
    """One measured number of one attack.

    Attributes:
        key: e.g. `angle_circle`, `rmse`, `property_error`; the same meaning in all reports.
        text: for people, with unit and convention.
        value: in the figure's unit.
        low: the lower end of its bootstrap 95 % interval.
        high: the upper end.
        chance: the best of the trivial predictors, which see no x.
        raw: the same attacker with nothing hidden; None where there is no such thing.
        falls: True where a smaller value means a larger leak (errors), False where a larger does
            (rates).
        beside: further values of trivial predictors by name, e.g. mean image, 50/50 blend.
    """

    key: str
    text: str
    value: float
    low: float
    high: float
    chance: float
    raw: float | None
    falls: bool
    beside: Mapping[str, float]

    @property
    def exposure(self) -> float:
        """0 at chance or worse, 1 where it is as good as the raw input."""
        return self.exposure_of(self.value)

    def exposure_of(self, value: float) -> float:
        """The exposure of another value of this figure, e.g. of an end of its interval.

        Args:
            value: in the figure's unit.

        Returns:
            0 at chance or worse to 1 at the raw input.
        """
        best = 0.0 if self.falls else 1.0
        # An attacker that is no better than chance even on the raw input sets no scale.
        if self.raw is not None and (self.raw < self.chance if self.falls else self.raw > self.chance):
            best = self.raw
        reach = self.chance - best
        return 0.0 if reach == 0 else float(min(1.0, max(0.0, (self.chance - value) / reach)))


@dataclass(frozen=True)
class AttackResult:
    """One attack with its figures, or the reason why it was left out.

    Attributes:
        name: e.g. `mean-template`.
        leak: what it goes after.
        title: for people.
        source: where it was published.
        how: what it does, one sentence.
        remedy: what would reduce this leak, one sentence.
        figures: none where it was left out.
        curve: of its training; empty without one.
        skipped: why it did not run, or None.
    """

    name: str
    leak: Leak
    title: str
    source: str
    how: str
    remedy: str
    figures: tuple[Figure, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True)
class Audit:
    """A whole audit.

    Attributes:
        subject: what was attacked: name, kind (checkpoint or bundle), sha256, network, form, defence,
            head, data, decoy_law, keys, box; and incomplete, a sentence on what a whole audit would
            have too, or None.
        effort: the budget's numbers.
        splits: how many images each.
        facts: date, hardware, versions, seed.
        task_error: percent, of the device's own answers on the test images, None where it could not
            be asked.
        property_names: classes that inference attacks looked for.
        property_is_task: whether the task's own label stood in for a hidden property.
        attacks: all, in the order in which they run.
        version: of the format.
    """

    subject: Mapping[str, Any]
    effort: Mapping[str, Any]
    splits: Mapping[str, int]
    facts: Mapping[str, Any]
    task_error: float | None
    property_names: tuple[str, ...]
    property_is_task: bool
    attacks: tuple[AttackResult, ...]
    version: int = FORMAT_VERSION

    def strongest(self, key: str) -> tuple[AttackResult, Figure] | None:
        """The attack that got furthest by one figure; yardsticks don't count.

        Args:
            key: of the figure.

        Returns:
            The attack and its figure; None where none measured it.
        """
        found = [
            (attack, figure)
            for attack in self.attacks
            for figure in attack.figures
            if figure.key == key and attack.name not in REFERENCES
        ]
        return max(found, key=lambda pair: _strength(pair[1])) if found else None

    def keys(self) -> tuple[str, ...]:
        """All figures' keys, in the order of the attacks."""
        return tuple(dict.fromkeys(figure.key for attack in self.attacks for figure in attack.figures))

    def facts_of(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def _strength(figure: Figure) -> float:
    return -figure.value if figure.falls else figure.value


def read_audit(content: Mapping[str, Any]) -> Audit:
    """The audit of plain values.

    Args:
        content: of report.json, which passed the schema.

    Returns:
        The audit.
    """
    attacks = tuple(
        AttackResult(
            **{
                **attack,
                "figures": tuple(Figure(**figure) for figure in attack["figures"]),
                "curve": tuple(CurvePoint(**point) for point in attack["curve"]),
            }
        )
        for attack in content["attacks"]
    )
    return Audit(**{**content, "attacks": attacks, "property_names": tuple(content["property_names"])})
