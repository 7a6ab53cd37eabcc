"""Reads a page as a browser would, with the standard library's parser and nothing of ours."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "meta", "br", "hr", "col", "link", "input"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    inside: list["Element"] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def all(self, name: str | None = None, **attributes: str) -> list["Element"]:
        """Elements within, of a name and with attributes (data_key for data-key)."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        found = []
        for each in self.inside:
            fits = all(each.attributes.get(key) == value for key, value in wanted.items())
            found += [each] * (fits and name in (None, each.name)) + each.all(name, **attributes)
        return found

    def one(self, name: str | None = None, **attributes: str) -> "Element":
        """The only such element."""
        (found,) = self.all(name, **attributes)
        return found

    @property
    def numbers(self) -> list[float]:
        """Values of all data elements within, with all digits."""
        return [float(each.attributes["value"] or "nan") for each in self.all("data")]


class Reader(HTMLParser):
    """Refuses what a browser would have to mend."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({key for key, _ in attrs}) == len(attrs), f"an attribute of {tag} twice"
        element = Element(tag, dict(attrs))
        self._open[-1].inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.words.append(data)


def read(page: str) -> Element:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader._open == [reader.root], "an element is left open"
    return reader.root
