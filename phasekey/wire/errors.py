"""The one error of this package."""

from phasekey.errors import PhasekeyError


class WireError(PhasekeyError):
    """A message's tensors do not say what they should; the text names them, never their values."""
