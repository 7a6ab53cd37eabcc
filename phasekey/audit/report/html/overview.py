"""The top of the page: the verdict, its limits, and the table of attack classes."""

from phasekey.audit.attack import Leak
from phasekey.audit.report.html.bars import badge, bar, css_class, scale
from phasekey.audit.report.html.markup import Html, joined, section, table, tag
from phasekey.audit.report.judgement.grades import Grade, grade_in, meets, sends_the_same
from phasekey.audit.report.judgement.limits import limits, rotated
from phasekey.audit.report.judgement.numbers import NOT_KNOWN, exact, in_table, in_words, with_interval
from phasekey.audit.report.judgement.terms import leaks, words
from phasekey.audit.report.judgement.verdict import ClassVerdict, class_title, judge, overall
from phasekey.audit.result.catalogue import Entry, entry_of, headlines
from phasekey.audit.result.result import AttackResult, Audit, Figure

HOW_FAR, COLUMNS = "How far the attacks got", 7
MET = {True: "reached", False: "missed", None: "within the interval"}


def heading(audit: Audit) -> Html:
    """What was audited, and what the page is about.

    Args:
        audit: of which the page is.

    Returns:
        The page's header.
    """
    lead = words()["explained"]["lead" if rotated(audit) else "lead_unrotated"]
    return tag(
        "header",
        tag("p", "Privacy audit", class_="kicker"),
        tag("h1", str(audit.subject.get("name", "a network"))),
        tag("p", subject_line(audit), class_="subject"),
        tag("p", lead, class_="lead"),
    )


def subject_line(audit: Audit) -> str:
    """Network, form, defence and head, as far as they are known.

    Args:
        audit: of that subject.

    Returns:
        One line.
    """
    subject = audit.subject
    parts = [subject.get("network"), form_of(audit)]
    parts += [
        f"{word} {subject[word]}" for word in ("defence", "head") if subject.get(word) not in (None, "none")
    ]
    parts += [subject.get("kind")]
    return " · ".join(str(part) for part in parts if part)


def form_of(audit: Audit) -> str:
    """The form, with the noise of noisy ones.

    Args:
        audit: of that subject.

    Returns:
        E.g. noisy γ = 0.5.
    """
    form, gamma = str(audit.subject.get("form", "")), audit.subject.get("gamma")
    return f"{form} γ = {gamma:g}" if gamma else form


def verdict(audit: Audit) -> Html:
    """The verdict in plain words, and how far it may be trusted.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    verdicts = judge(audit)
    sentence, worst = overall(verdicts)
    said = tag("p", sentence, class_=f"headline {css_class(worst)}")
    classes = tag("ul", *(_class(each) for each in verdicts), class_="classes")
    trust = tag(
        "aside",
        tag("h3", "How far to trust this"),
        tag("ul", *(tag("li", limit) for limit in limits(audit))),
        class_="limits",
    )
    return section("Verdict", said, _task(audit), classes, trust, id_="verdict")


def _task(audit: Audit) -> Html | None:
    if audit.task_error is None:
        return None
    return tag(
        "p", "The device's own answers are wrong for ",
        tag("data", f"{audit.task_error:.1f}%", value=repr(float(audit.task_error))), " of the test images.",
        class_="task",
    )  # fmt: skip


def _class(verdict: ClassVerdict) -> Html:
    return tag(
        "li",
        tag("h3", badge(verdict.grade), " ", verdict.title),
        *(tag("p", sentence) for sentence in verdict.sentences),
        tag("p", _by(*verdict.found), class_="by") if verdict.found else None,
        class_=css_class(verdict.grade),
    )


def _by(attack: AttackResult, figure: Figure) -> str:
    unit = entry_of(figure, attack.leak).unit
    ends = f"{in_words(figure.low, unit)} to {in_words(figure.high, unit)}"
    return f"Strongest attack: {attack.title} (95% interval {ends})."


def classes(audit: Audit) -> Html:
    """Every headline figure of the strongest attack, as a bar between chance and the raw input.

    Args:
        audit: of which the page is.

    Returns:
        The section of the page.
    """
    rows = [row for leak, said in leaks().items() for row in _rows(audit, leak, class_title(audit, said))]
    if not rows:
        return section(HOW_FAR, tag("p", "No attack was measured."), id_="classes")
    head = ("Figure", scale(), "Value (95% interval)", "Chance", "Raw input", "Aim", "Attack")
    content = table(head, rows, caption="The strongest attack of each kind", class_="stacked bars")
    return section(HOW_FAR, tag("p", words()["explained"]["bars"]), content, id_="classes")


def _rows(audit: Audit, leak: Leak, title: str) -> list[Html]:
    found = [strongest for key in headlines(leak) if (strongest := audit.strongest(key))]
    lead = tag("tr", tag("th", title, colspan=COLUMNS, scope="rowgroup"), class_="group")
    return [lead, *(_row(audit, attack, figure) for attack, figure in found)] if found else []


def _row(audit: Audit, attack: AttackResult, figure: Figure) -> Html:
    entry, reached = entry_of(figure, attack.leak), grade_in(audit, figure)
    same = words()["repeat"]["same"] if reached is Grade.CHANCE and sends_the_same(audit, figure) else None
    cells = (
        ("Bar", bar(figure, reached)),
        ("Value", with_interval(figure.value, figure.low, figure.high, entry.unit)),
        ("Chance", exact(figure.chance, entry.unit)),
        ("Raw input", exact(figure.raw, entry.unit)),
        ("Aim", _aim(figure, entry)),
        ("Attack", tag("span", attack.title)),
    )
    return tag(
        "tr",
        tag(
            "th",
            entry.name,
            " ",
            badge(reached),
            tag("span", same, class_="remark") if same else None,
            scope="row",
        ),
        *(_cell(label, content) for label, content in cells),
        **{"data-key": figure.key},
    )


def _cell(label: str, content: Html) -> Html:
    return tag("td", content, data_label=label, class_="empty" if content == NOT_KNOWN else None)


def _aim(figure: Figure, entry: Entry) -> Html:
    aim = entry.aim_of(figure)
    if aim is None:
        return exact(None, entry.unit)
    sign = "≥" if figure.falls else "≤"
    return joined(
        (f"{sign} {in_table(aim, entry.unit)} ", tag("span", MET[meets(figure, aim)], class_="aim"))
    )
