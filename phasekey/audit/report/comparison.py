"""Models side by side: the strongest attack on each, as a page, a picture and a Markdown table."""

from collections.abc import Sequence
from pathlib import Path

from phasekey.audit.attack import Leak
from phasekey.audit.errors import AuditError
from phasekey.audit.report.html.bars import badge, bar
from phasekey.audit.report.html.markup import Html, joined, section, table, tag
from phasekey.audit.report.html.overview import form_of
from phasekey.audit.report.html.page import document
from phasekey.audit.report.judgement.grades import grade_in
from phasekey.audit.report.judgement.numbers import NOT_KNOWN, in_table, plain_interval, with_interval
from phasekey.audit.report.judgement.terms import leaks, words
from phasekey.audit.report.judgement.verdict import why_not
from phasekey.audit.result.catalogue import catalogue, entry_of, headlines
from phasekey.audit.result.result import Audit, Figure
from phasekey.files import write_whole

CAPTION = "Value, 95% interval and name of the strongest attack"
NAMED_BY = ("defence", "head")


def write_comparison(folder: Path, audits: Sequence[Audit]) -> None:
    """Write compare.html, compare.md and compare.png.

    Args:
        folder: that exists.
        audits: one for each model.

    Raises:
        AuditError: the disk refuses one of them.
    """
    from phasekey.audit.report.comparison_picture import write_picture

    write_whole(folder / "compare.html", page(audits).encode(), error=AuditError)
    write_whole(folder / "compare.md", markdown(audits).encode(), error=AuditError)
    write_picture(folder / "compare.png", keys(audits), names(audits), audits)


def names(audits: Sequence[Audit]) -> tuple[str, ...]:
    """Each model by its form, defence and head; with its own name where two would read alike.

    Args:
        audits: one for each model.

    Returns:
        As many names.
    """
    short = [_name(audit) for audit in audits]
    return tuple(
        f"{name} ({audit.subject.get('name')})" if short.count(name) > 1 else name
        for name, audit in zip(short, audits, strict=True)
    )


def _name(audit: Audit) -> str:
    said = [f"{key} {audit.subject[key]}" for key in NAMED_BY if audit.subject.get(key) not in (None, "none")]
    return ", ".join([form_of(audit) or str(audit.subject.get("name")), *said])


def keys(audits: Sequence[Audit]) -> tuple[str, ...]:
    """The headline figures that any of them has, in the report's order.

    Args:
        audits: one for each model.

    Returns:
        Keys of the catalogue.
    """
    return tuple(key for key in headlines() if any(audit.strongest(key) for audit in audits))


def markdown(audits: Sequence[Audit]) -> str:
    """A table for documents: rows by figure, columns by model.

    Args:
        audits: one for each model.

    Returns:
        Markdown.
    """
    lines = [
        _line(("", *names(audits), "chance")),
        _line(("---", *("---:" for _ in audits), "---:")),
        _line(("Own answers wrong", *(_task(audit) for audit in audits), "")),
    ]
    for key in keys(audits):
        found = [audit.strongest(key) for audit in audits]
        cells = [_plain(pair[1]) + f" {pair[0].name}" if pair else NOT_KNOWN for pair in found]
        lines.append(_line((catalogue()[key].name, *cells, _chance(audits, key))))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _task(audit: Audit) -> str:
    return NOT_KNOWN if audit.task_error is None else f"{audit.task_error:.1f}%"


def _plain(figure: Figure) -> str:
    return plain_interval(figure.value, figure.low, figure.high, catalogue()[figure.key].unit)


def _chance(audits: Sequence[Audit], key: str) -> str:
    """One figure where it is the same for all, else the smallest and the largest."""
    unit = catalogue()[key].unit
    values = sorted(found[1].chance for audit in audits if (found := audit.strongest(key)))
    ends = dict.fromkeys((in_table(values[0], unit), in_table(values[-1], unit))) if values else {}
    return "–".join(ends)


def page(audits: Sequence[Audit]) -> str:
    """The comparison as a web page that needs no other file.

    Args:
        audits: one for each model.

    Returns:
        HTML.
    """
    heading = tag(
        "header", tag("p", "Privacy audit", class_="kicker"), tag("h1", f"{len(audits)} models side by side")
    )
    head = ("", *names(audits), "Chance")
    task = tag(
        "tr",
        tag("th", "Own answers wrong", scope="row"),
        *(
            tag("td", _task(audit), data_label=name)
            for audit, name in zip(audits, names(audits), strict=True)
        ),
        tag("td", "", data_label="Chance"),
        data_key="task_error",
    )
    rows = [row for leak, said in leaks().items() for row in _rows(audits, leak, said.title)]
    explained = tag("p", words()["explained"]["comparison"])
    content = table(head, [task, *rows], caption=CAPTION, class_="stacked compare")
    found = section("The strongest attack on each", explained, content, id_="compare")
    return document("Privacy audit: models side by side", (heading, found, _limits(audits)), class_="wide")


def _limits(audits: Sequence[Audit]) -> Html:
    budgets = sorted({str(audit.effort.get("name")) for audit in audits})
    return tag("p", words()["limits"]["bound"], f" Budgets: {', '.join(budgets)}.", class_="task")


def _rows(audits: Sequence[Audit], leak: str, title: str) -> list[Html]:
    mine = [key for key in keys(audits) if catalogue()[key].leak == leak]
    lead = tag("tr", tag("th", title, colspan=len(audits) + 2, scope="rowgroup"), class_="group")
    return [lead, *(_row(audits, key) for key in mine)] if mine else []


def _row(audits: Sequence[Audit], key: str) -> Html:
    cells = [
        tag("td", _cell(audit, key), data_label=name)
        for audit, name in zip(audits, names(audits), strict=True)
    ]
    chance = tag("td", _chance(audits, key), data_label="Chance")
    return tag("tr", tag("th", catalogue()[key].name, scope="row"), *cells, chance, data_key=key)


def _cell(audit: Audit, key: str) -> Html:
    found = audit.strongest(key)
    if found is None:
        return tag("span", _missing(audit, catalogue()[key].leak), class_="remark")
    attack, figure = found
    reached = grade_in(audit, figure)
    value = with_interval(figure.value, figure.low, figure.high, entry_of(figure, attack.leak).unit)
    by = tag("span", attack.title, class_="how")
    return joined((badge(reached), bar(figure, reached), value, by))


def _missing(audit: Audit, leak: Leak) -> str:
    others = any(attack.figures for attack in audit.attacks if attack.leak == leak)
    return "not measured" if others else why_not(audit, leak)
