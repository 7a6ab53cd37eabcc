"""Errors of the networks."""

from phasekey.errors import PhasekeyError


class ModelError(PhasekeyError):
    """A network cannot be built or was fed something that it cannot take."""
