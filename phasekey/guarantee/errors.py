"""Errors of guarantees."""

from phasekey.errors import PhasekeyError


class GuaranteeError(PhasekeyError):
    """A guarantee was asked for where none holds; the message says what it takes."""
