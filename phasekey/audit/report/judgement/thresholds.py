"""Thresholds on what an audit may find, for continuous integration: from a TOML file to sentences.

Each table is named after a figure and holds one limit on its strongest attack, taken at the end of the 95%
interval that speaks for the larger leak: `at_least` for errors, which fall the more leaks, `at_most` for the
other figures.
"""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phasekey.audit.errors import AuditError
from phasekey.audit.result.catalogue import catalogue
from phasekey.audit.result.result import Audit, Figure

Side = Literal["at_least", "at_most"]


@dataclass(frozen=True)
class Threshold:
    """A limit on one figure.

    Attributes:
        key: of the catalogue.
        side: at_least for errors, at_most for other figures.
        limit: in the figure's unit.
    """

    key: str
    side: Side
    limit: float


def load_thresholds(path: Path) -> tuple[Threshold, ...]:
    """Read thresholds from a TOML file.

    Args:
        path: of the file.

    Returns:
        One or more, in the file's order.

    Raises:
        AuditError: it is missing or no TOML, names an unknown figure, or has no limit that could be
            broken.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AuditError(
            f"no thresholds at {path}: {error.strerror}; docs/audit.md has an example"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuditError(f"{path} is no TOML: {error}; docs/audit.md has an example") from error
    if not content:
        raise AuditError(f"{path} holds no threshold, so everything would pass; docs/audit.md has an example")
    return tuple(_threshold(path, key, table) for key, table in content.items())


def _threshold(path: Path, key: str, table: Any) -> Threshold:
    if key not in catalogue():
        raise AuditError(f"{path}: no figure is called {key!r}; known are {', '.join(catalogue())}")
    side: Side = "at_least" if catalogue()[key].falls else "at_most"
    if not isinstance(table, dict) or set(table) != {side}:
        leak = "smaller" if catalogue()[key].falls else "larger"
        raise AuditError(
            f"{path}: [{key}] takes one line, `{side} = NUMBER`: the {leak} it is, the more leaks"
        )
    limit = table[side]
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        raise AuditError(f"{path}: {side} of [{key}] must be a number, not {limit!r}")
    return Threshold(key, side, float(limit))


def broken(thresholds: tuple[Threshold, ...], audit: Audit) -> list[str]:
    """Say which thresholds an audit breaks.

    A figure that was not measured breaks its threshold: what nobody looked for was not found absent.

    Args:
        thresholds: to keep.
        audit: to hold against them.

    Returns:
        A sentence for each that is broken.
    """
    sentences = [_sentence(threshold, audit) for threshold in thresholds]
    return [sentence for sentence in sentences if sentence is not None]


def _sentence(threshold: Threshold, audit: Audit) -> str | None:
    found = audit.strongest(threshold.key)
    if found is None:
        return f"{threshold.key} was not measured, so its threshold is not kept{_why(threshold.key, audit)}"
    attack, figure = found
    end = leaky_end(figure)
    kept = end >= threshold.limit if threshold.side == "at_least" else end <= threshold.limit
    if kept:
        return None
    return (
        f"{threshold.key} must be {threshold.side.replace('_', ' ')} {threshold.limit:g}, but {attack.name} "
        f"brings it to {figure.value:.4g}, and by its 95% interval perhaps to {end:.4g}"
    )


def _why(key: str, audit: Audit) -> str:
    leak = catalogue()[key].leak
    reasons = {attack.skipped for attack in audit.attacks if attack.leak == leak and attack.skipped}
    return f": {'; '.join(sorted(reasons))}" if reasons else ""


def leaky_end(figure: Figure) -> float:
    """That end of the 95% interval at which more leaks.

    Args:
        figure: measured.

    Returns:
        In the figure's unit.
    """
    return figure.low if figure.falls else figure.high
