"""All attacks with all their figures, and those left out with the reason."""

from phasekey.audit.attack import Leak
from phasekey.audit.report.html.markup import Html, section, table, tag
from phasekey.audit.report.judgement.numbers import exact, with_interval
from phasekey.audit.report.judgement.terms import leaks, words
from phasekey.audit.report.judgement.verdict import class_title
from phasekey.audit.result.catalogue import entry_of
from phasekey.audit.result.result import REFERENCES, AttackResult, Audit, Figure

CHANCE = "chance"
YARDSTICK = " It is given what the others look for, so it is never called the strongest."


def all_attacks(audit: Audit) -> Html:
    """All attacks with all their figures, one table for each class.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    tables = [_class_table(audit, leak, class_title(audit, said)) for leak, said in leaks().items()]
    shown = [each for each in tables if each]
    empty = None if shown else tag("p", "This audit holds no attack.")
    explained = tag("p", words()["explained"]["attacks"])
    return section("All attacks", explained, empty, *shown, id_="attacks")


def _class_table(audit: Audit, leak: Leak, title: str) -> Html | None:
    attacks = [attack for attack in audit.attacks if attack.leak == leak]
    if not attacks:
        return None
    figures = {figure.key: figure for attack in attacks for figure in attack.figures}
    heads = ["Attack", *(entry_of(figure, leak).name for figure in figures.values())]
    rows = [_attack_row(audit, attack, tuple(figures)) for attack in attacks]
    beside = _trivial_rows(figures, leak)
    return table(heads, [*rows, *beside], caption=title, class_="attacks")


def _attack_row(audit: Audit, attack: AttackResult, keys: tuple[str, ...]) -> Html:
    role = YARDSTICK if attack.name in REFERENCES else None
    name = tag(
        "th",
        tag("strong", attack.title),
        tag("span", attack.how, role, class_="how"),
        tag("span", f"Source: {attack.source}", class_="source") if attack.source else None,
        scope="row",
    )
    if attack.skipped is not None:
        reason = tag("td", f"left out: {attack.skipped}", colspan=max(1, len(keys)), class_="skipped")
        return tag("tr", name, reason, data_attack=attack.name)
    found = {figure.key: figure for figure in attack.figures}
    cells = [_cell(audit, attack, found.get(key)) for key in keys]
    return tag("tr", name, *cells, data_attack=attack.name)


def _cell(audit: Audit, attack: AttackResult, figure: Figure | None) -> Html:
    if figure is None:
        return tag("td", "")
    strongest = audit.strongest(figure.key)
    value = with_interval(figure.value, figure.low, figure.high, entry_of(figure, attack.leak).unit)
    if strongest and strongest[0] is attack:
        return tag("td", tag("strong", value), tag("span", "strongest", class_="mark"))
    return tag("td", value)


def _trivial_rows(figures: dict[str, Figure], leak: Leak) -> list[Html]:
    """What predictors get that see nothing of what was sent: chance, then all others by name."""
    names = dict.fromkeys(name for figure in figures.values() for name in figure.beside)
    rows = [_trivial_row(CHANCE, {key: figure.chance for key, figure in figures.items()}, figures, leak)]
    rows += [
        _trivial_row(
            name,
            {key: figure.beside[name] for key, figure in figures.items() if name in figure.beside},
            figures,
            leak,
        )
        for name in names
    ]
    return rows if figures else []


def _trivial_row(name: str, values: dict[str, float], figures: dict[str, Figure], leak: Leak) -> Html:
    entries = {key: entry_of(figure, leak) for key, figure in figures.items()}
    cells = [
        tag("td", exact(values.get(key), entry.unit), title=entry.chance if name == CHANCE else None)
        for key, entry in entries.items()
    ]
    return tag("tr", tag("th", f"For scale: {name}", scope="row"), *cells, class_="trivial")
