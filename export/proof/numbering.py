"""Value numbering: equal tensors of a graph get equal numbers."""

from collections.abc import Hashable


class Numbering:
    """Gives equal keys equal numbers (value numbering)."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def number(self, *key: Hashable) -> int:
        """The number of this key; a new one for a new key."""
        return self._numbers.setdefault(key, len(self._numbers))
