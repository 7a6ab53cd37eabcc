"""The one error of this package."""

from phasekey.errors import PhasekeyError


class EdgeRuntimeError(PhasekeyError):
    """An image does not fit the encoder, or an edge graph could not run. Never holds pixel values."""
