"""How numbers are written: one form for tables, one for sentences."""

import math

from phasekey.audit.report.html.markup import Html, joined, tag
from phasekey.audit.result.catalogue import Unit

NOT_KNOWN = "–"
SMALL_SHARE = 0.001
SMALL_ANGLE = 0.1  # degrees


def in_table(value: float | None, unit: Unit) -> str:
    """A number for a cell: radians and plain numbers with three decimals, shares in percent.

    Args:
        value: None where there is none.
        unit: of the figure.

    Returns:
        Text; a dash where there is no finite number.
    """
    if value is None or not math.isfinite(value):
        return NOT_KNOWN
    if unit == "share":
        # One of some thousand candidates is not nought.
        return f"{100 * value:.2g}%" if 0 < value < SMALL_SHARE else f"{100 * value:.1f}%"
    return f"{value:.1f}" if unit == "decibel" else f"{value:.3f}"


def in_words(value: float | None, unit: Unit) -> str:
    """A number for a sentence: angles in degrees, which more people have a feeling for.

    Args:
        value: None where there is none.
        unit: of the figure.

    Returns:
        Text with its unit.
    """
    if unit != "angle" or value is None or not math.isfinite(value):
        return f"{in_table(value, unit)}{' dB' if unit == 'decibel' else ''}"
    degrees = math.degrees(value)
    if 0 < degrees < SMALL_ANGLE:  # small is not nought
        return f"{degrees:.1g}°"
    return f"{degrees:.1f}°" if degrees < 10 else f"{degrees:.0f}°"


def exact(value: float | None, unit: Unit) -> Html:
    """A cell's number, with all its digits where programs look for them.

    Args:
        value: None where there is none.
        unit: of the figure.

    Returns:
        A data element.
    """
    if value is None or not math.isfinite(value):
        return Html(NOT_KNOWN)
    return tag("data", in_table(value, unit), value=repr(float(value)))


def with_interval(value: float, low: float, high: float, unit: Unit) -> Html:
    """A cell's number above its 95% interval.

    Args:
        value: the figure.
        low: the lower end of its interval.
        high: the upper end.
        unit: of all three.

    Returns:
        Markup.
    """
    interval = joined((exact(low, unit), "–", exact(high, unit)))
    return joined((exact(value, unit), " ", tag("span", interval, class_="interval")))


def plain_interval(value: float, low: float, high: float, unit: Unit) -> str:
    """A number and its 95% interval for Markdown and pictures.

    Args:
        value: the figure.
        low: the lower end of its interval.
        high: the upper end.
        unit: of all three.

    Returns:
        Text.
    """
    return f"{in_table(value, unit)} ({in_table(low, unit)}–{in_table(high, unit)})"
