"""Errors of the export."""

from phasekey.errors import PhasekeyError


class ExportError(PhasekeyError):
    """A checkpoint cannot be exported, or what came out is not what was asked for."""
