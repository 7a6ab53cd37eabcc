"""What would reduce each leak that was found."""

from phasekey.audit.attack import Leak
from phasekey.audit.report.html.markup import Html, joined, section, tag
from phasekey.audit.report.judgement.grades import Grade, grade, looked_at
from phasekey.audit.report.judgement.terms import leaks
from phasekey.audit.report.judgement.verdict import class_title
from phasekey.audit.result.catalogue import entry_of
from phasekey.audit.result.result import REFERENCES, AttackResult, Audit


def remedies(audit: Audit) -> Html:
    """Class by class, what helps against the attacks that found something, the strongest of them first.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    items = [
        item for leak, said in leaks().items() if (item := _remedy(audit, leak, class_title(audit, said)))
    ]
    none = tag("p", "No attack of this audit found a leak, so none has a remedy to offer.")
    return section("What would reduce the leaks", tag("dl", *items) if items else none, id_="remedies")


def _remedy(audit: Audit, leak: Leak, title: str) -> Html | None:
    among = looked_at(audit)
    exposures = {attack.name: _exposure(attack, among) for attack in audit.attacks if attack.leak == leak}
    found = [attack for attack in audit.attacks if exposures.get(attack.name, 0) > 0 and attack.remedy]
    worst_first = sorted(found, key=lambda attack: exposures[attack.name], reverse=True)
    said = dict.fromkeys(attack.remedy for attack in worst_first)
    return joined((tag("dt", title), *(tag("dd", remedy) for remedy in said))) if said else None


def _exposure(attack: AttackResult, among: int) -> float:
    """Of the worst of its headline figures that are surely better than chance; 0 where none is."""
    if attack.name in REFERENCES:
        return 0.0
    headline = (figure for figure in attack.figures if entry_of(figure, attack.leak).headline)
    return max((figure.exposure for figure in headline if grade(figure, among) >= Grade.TRACE), default=0.0)
