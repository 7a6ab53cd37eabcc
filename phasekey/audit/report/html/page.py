"""report.html: one page that loads nothing."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.audit.errors import AuditError
from phasekey.audit.report.figures import write_figures
from phasekey.audit.report.html.alone import TITLE, alone
from phasekey.audit.report.html.attack_tables import all_attacks
from phasekey.audit.report.html.curves import curves
from phasekey.audit.report.html.markup import Child, Html, joined, tag
from phasekey.audit.report.html.measured import measured
from phasekey.audit.report.html.overview import classes, heading, verdict
from phasekey.audit.report.html.pictures import pictures
from phasekey.audit.report.judgement.remedies import remedies
from phasekey.audit.result.examples import Examples
from phasekey.audit.result.result import Audit
from phasekey.files import write_whole

if TYPE_CHECKING:
    from phasekey.training.controls.comparison import Comparison

PAGE_FILE = "report.html"
# A page that may load nothing: even markup that slipped in could not send anything anywhere.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PARTS = {
    "verdict": "Verdict",
    "classes": "How far they got",
    "pictures": "Pictures",
    "attacks": "All attacks",
    "curves": "Learning",
    "remedies": "What would help",
    "alone": TITLE,
    "measured": "Method",
}


def write_report(
    folder: Path, audit: Audit, examples: Examples, without_cloud: "Comparison | None" = None
) -> None:
    """Write report.html and the PNG figures.

    Args:
        folder: that exists.
        audit: its numbers.
        examples: its images.
        without_cloud: what the device could do alone, where it was compared.

    Raises:
        AuditError: the disk refuses one of them.
    """
    write_whole(folder / PAGE_FILE, report(audit, examples, without_cloud).encode(), error=AuditError)
    write_figures(folder, audit, examples)


def report(audit: Audit, examples: Examples, without_cloud: "Comparison | None" = None) -> str:
    """The whole report as one page that needs no other file.

    Args:
        audit: its numbers.
        examples: its images.
        without_cloud: what the device could do alone, where it was compared.

    Returns:
        HTML.
    """
    parts = (
        heading(audit),
        _contents(),
        verdict(audit),
        classes(audit),
        pictures(audit, examples),
        all_attacks(audit),
        curves(audit),
        remedies(audit),
        alone(without_cloud),
        measured(audit),
    )
    return document(f"Privacy audit of {audit.subject.get('name', 'a network')}", parts)


def document(title: str, parts: Iterable[Child], class_: str | None = None) -> str:
    """A page around its parts, with the style sheet inside.

    Args:
        title: of the window.
        parts: of the body.
        class_: of the body, None for none.

    Returns:
        HTML.
    """
    # In a style element nothing is escaped, and nothing needs to be: the sheet is ours.
    style = Html(f"<style>{_sheet()}</style>")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", title),
        style,
    )
    foot = tag(
        "footer", "Written by phasekey audit. The figures are in report.json beside this page, in full."
    )
    body = tag("body", tag("main", *parts), foot, class_=class_)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _contents() -> Html:
    links = joined(tag("li", tag("a", name, href=f"#{id_}")) for id_, name in PARTS.items())
    return tag("nav", tag("ul", links), aria_label="Contents")


def _sheet() -> str:
    return (resources.files("phasekey.audit.report.html") / "report.css").read_text(encoding="utf-8")
