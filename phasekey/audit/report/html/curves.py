"""Learning curves of the attackers that learn, as inline SVG in the page's own colours."""

from collections.abc import Sequence

from phasekey.audit.attack import CurvePoint
from phasekey.audit.report.html.markup import Html, section, tag
from phasekey.audit.report.judgement.progress import state
from phasekey.audit.report.judgement.terms import words
from phasekey.audit.result.result import AttackResult, Audit

WIDTH, HEIGHT, EDGE = 240, 120, 8


def curves(audit: Audit) -> Html:
    """A small chart for each trained attacker.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    learned = [attack for attack in audit.attacks if attack.curve]
    said = words()["explained"]
    if not learned:
        return section("Had the attackers learned all they could?", tag("p", said["no_curves"]), id_="curves")
    charts = tag("div", *(_figure(attack) for attack in learned), class_="charts")
    return section(
        "Had the attackers learned all they could?", tag("p", said["curves"]), charts, id_="curves"
    )


def _figure(attack: AttackResult) -> Html:
    how = words()["progress"][state(attack.curve)]
    losses = [point.validation for point in attack.curve]
    ends = f"{attack.curve[-1].step:,} steps: loss from {losses[0]:.3g} to {min(losses):.3g} at best"
    return tag(
        "figure",
        tag("figcaption", tag("strong", attack.title), tag("span", how, class_=f"how {state(attack.curve)}")),
        chart(attack.curve, f"Learning curve of {attack.title}: {how}"),
        tag("span", ends, class_="remark"),
    )


def chart(curve: Sequence[CurvePoint], name: str) -> Html:
    """Two lines over the steps, each on a scale of its own: what an attacker trains on need not be what it is
    chosen by, e.g. cross-entropy and the share of mistakes."""
    return tag(
        "svg",
        tag("title", name),
        tag("line", class_="axis", x1=EDGE, x2=WIDTH - EDGE, y1=HEIGHT - EDGE, y2=HEIGHT - EDGE),
        tag("polyline", class_="training", points=_points(curve, [point.training for point in curve])),
        tag("polyline", class_="validation", points=_points(curve, [point.validation for point in curve])),
        class_="chart", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=name,
    )  # fmt: skip


def _points(curve: Sequence[CurvePoint], losses: Sequence[float]) -> str:
    across, up = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    high, reach = max(losses), (max(losses) - min(losses)) or 1.0
    places = (
        (EDGE + across * point.step / curve[-1].step, EDGE + up * (high - loss) / reach)
        for point, loss in zip(curve, losses, strict=True)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
