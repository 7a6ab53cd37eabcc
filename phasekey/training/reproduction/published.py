"""What others published: the paper's error rates and times, and its public reproduction's error rates."""

import tomllib
from importlib.resources import files

SOURCES = ("paper", "reproduction")
SPEED = "paper-seconds"
UNREADABLE = "unreadable"

Figure = float | str | None  # percent; UNREADABLE in our text of the paper; None: not published


class Published:
    """Error rates in percent by row, source and column."""

    def __init__(self) -> None:
        text = (files(__package__) / "published.toml").read_text(encoding="utf-8")
        self._rows: dict[str, dict[str, dict[str, float | str]]] = tomllib.loads(text)

    @property
    def rows(self) -> tuple[str, ...]:
        """All rows, by the names of their recipes, in the tables' order."""
        return tuple(self._rows)

    def seconds(self, row: str, column: str) -> Figure:
        """The paper's seconds for an image (Table 5); None where nothing was published."""
        return self._rows[row].get(SPEED, {}).get(column)

    def error(self, row: str, source: str, column: str) -> Figure:
        """One cell; None where nothing was published."""
        return self._rows[row].get(source, {}).get(column)
