"""HTML that cannot forget to escape: text is escaped unless it is HTML already."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"img", "meta", "br", "hr", "col"})


class Html(str):
    """Markup, as opposed to text that still has to be escaped."""

    __slots__ = ()


Child = str | Html | None


def tag(name: str, /, *children: Child, **attributes: object) -> Html:
    """An element. Children of type str are escaped, None is left out. An underscore at an attribute's end is
    dropped and others become hyphens: class_="x", aria_label="y"; an attribute of None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Several pieces, one after another, those of text escaped.

    Args:
        children: markup, text, or None, which is left out.

    Returns:
        Markup.
    """
    return Html("".join(_safe(child) for child in children if child is not None))


def table(head: Iterable[Child], rows: Iterable[Html], *, caption: str, class_: str | None = None) -> Html:
    """A table with a caption for all and column headings; it scrolls by itself where the screen is narrow.

    Args:
        head: cells of the first row.
        rows: elements tr.
        caption: text.
        class_: of the table, None for none.

    Returns:
        Markup.
    """
    cells = joined(tag("th", cell, scope="col") for cell in head)
    content = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", cells)),
        tag("tbody", *rows),
        class_=class_,
    )
    return tag("div", content, class_="scroll", tabindex=0, role="region", aria_label=caption)


def section(heading: str, *children: Child, id_: str) -> Html:
    """A part of the page under a heading of its own.

    Args:
        heading: text.
        children: what follows it.
        id_: its anchor.

    Returns:
        Markup.
    """
    return tag(
        "section",
        tag("h2", heading, id_=f"{id_}-heading"),
        *children,
        id_=id_,
        aria_labelledby=f"{id_}-heading",
    )


def _safe(child: str) -> str:
    return child if isinstance(child, Html) else escape(child)
