"""What a model card says of a privacy audit: one section of Markdown."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phasekey.audit.errors import AuditError
from phasekey.audit.result.catalogue import catalogue
from phasekey.files import write_whole

HEADING = "## Privacy audit"
CARD_FILE = "model-card.md"
NONE = "None was made. What this network leaks is not known; `phasekey audit` measures it."
_SECTION = re.compile(rf"^{re.escape(HEADING)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def section(summary: Mapping[str, Any] | None) -> str:
    """What a model card says of privacy, with its heading.

    Args:
        summary: as in the manifest's `audit`; None: there was no audit.

    Returns:
        Markdown.
    """
    if summary is None:
        return f"{HEADING}\n\n{NONE}"
    circumstances = (
        f"Audited on {summary['date']}, budget {summary['budget']}: {summary['audited']}. Data: "
        f"{summary['data']}; decoys: {summary['decoy_law']}; keys: {summary['keys']}; {summary['box']} "
        f"box. The report's SHA-256 is `{summary['report_sha256']}`."
    )
    if summary["incomplete"]:
        circumstances += f" **Not a whole audit:** {summary['incomplete']}."
    head = [
        "| the strongest attack's | | 95% interval | chance | attack |",
        "| --- | --- | --- | --- | --- |",
    ]
    known = list(catalogue())  # JSON has sorted the figures by their keys
    figures = sorted(summary["figures"].items(), key=lambda item: (*known, item[0]).index(item[0]))
    rows = [_row(catalogue()[key].name if key in catalogue() else key, figure) for key, figure in figures]
    return "\n\n".join([HEADING, summary["verdict"], "\n".join([*head, *rows]), circumstances])


def _row(name: str, figure: Mapping[str, Any]) -> str:
    promised = f"; promised: {figure['promised']}" if "promised" in figure else ""
    return (
        f"| {name} | {figure['value']:.4g} | {figure['low']:.4g} to {figure['high']:.4g} "
        f"| {figure['chance']:.4g}{promised} | {figure['attack']} |"
    )


def replace_section(path: Path, summary: Mapping[str, Any]) -> None:
    """Put the summary into a card in place of what it says of audits; whole or not at all.

    Args:
        path: of the card.
        summary: as in the manifest's `audit`.

    Raises:
        AuditError: the disk refuses it.
    """
    text = path.read_text(encoding="utf-8")
    replaced, count = _SECTION.subn(lambda _: section(summary) + "\n\n", text)
    if not count:
        replaced = f"{text.rstrip()}\n\n{section(summary)}\n"
    write_whole(path, (replaced.rstrip() + "\n").encode(), error=AuditError)
