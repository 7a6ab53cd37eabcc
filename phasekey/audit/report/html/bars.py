"""Bars from chance (empty) to as good as the raw input (full), as inline SVG in the page's own colours."""

from phasekey.audit.report.html.markup import Html, joined, tag
from phasekey.audit.report.judgement.grades import Grade
from phasekey.audit.result.result import Figure

HEIGHT, INSET = 18, 4  # px of the whole, and of the fill from its edges


def bar(figure: Figure, reached: Grade) -> Html:
    """One bar from chance to the raw input, with the 95% interval as a whisker.

    Args:
        figure: what it shows.
        reached: its grade, for the colour.

    Returns:
        Inline SVG.
    """
    ends = sorted(100 * figure.exposure_of(value) for value in (figure.low, figure.high))
    way = f"{figure.exposure:.0%} of the way from chance to the raw input"
    shown = f"{way}, interval {ends[0]:.0f}% to {ends[1]:.0f}%"
    middle = HEIGHT / 2
    return tag(
        "svg",
        tag("title", shown),
        tag("rect", class_="track", width="100%", height=HEIGHT, rx=3),
        tag("rect", class_="fill", width=_percent(100 * figure.exposure), y=INSET, height=HEIGHT - 2 * INSET),
        tag("line", class_="whisker", x1=_percent(ends[0]), x2=_percent(ends[1]), y1=middle, y2=middle),
        *(_end(at) for at in ends),
        class_=f"bar {css_class(reached)}", width="100%", height=HEIGHT, role="img", aria_label=shown,
    )  # fmt: skip


def badge(reached: Grade | None) -> Html:
    """The grade as a small label; colour never says it alone.

    Args:
        reached: None where nothing was measured.

    Returns:
        A span.
    """
    return tag(
        "span", "not measured" if reached is None else reached.label, class_=f"badge {css_class(reached)}"
    )


def css_class(reached: Grade | None) -> str:
    """The class of report.css that has a grade's colour.

    Args:
        reached: None where nothing was measured.

    Returns:
        E.g. grade-leak.
    """
    return "grade-none" if reached is None else f"grade-{reached.name.lower()}"


def scale() -> Html:
    """The column heading that says what empty and full mean."""
    ends = joined((tag("span", "chance"), tag("span", "raw input")))
    return tag("span", ends, class_="scale")


def _end(at: float) -> Html:
    return tag("line", class_="whisker", x1=_percent(at), x2=_percent(at), y1=INSET, y2=HEIGHT - INSET)


def _percent(value: float) -> str:
    return f"{value:.2f}%"
