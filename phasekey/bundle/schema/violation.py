"""What ``compiled_schema.py`` raises."""

from __future__ import annotations

import re
from typing import Any

_SEPARATORS = re.compile(r"[.\[\]]+")


class JsonSchemaValueException(ValueError):  # noqa: N818 - the name that generated code calls it by
    """A document breaks a rule of its schema; never leaves this package.

    Attributes:
        value: what broke it.
        name: where it stands: ``data.encoder.inputs[0]``.
        definition: the part of the schema that it is held to.
        rule: the rule's name in there.
    """

    def __init__(
        self, message: str, value: Any = None, name: str = "", definition: Any = None, rule: str = ""
    ) -> None:
        super().__init__(message)
        self.value, self.name, self.definition, self.rule = value, name, definition, rule

    @property
    def path(self) -> list[str]:
        """The name's parts."""
        return [part for part in _SEPARATORS.split(self.name) if part]

    @property
    def rule_definition(self) -> Any:
        """What the schema says under the rule's name."""
        return self.definition.get(self.rule)
