"""The one error of this package."""

from phasekey.errors import PhasekeyError


class SigningError(PhasekeyError):
    """A key that cannot be made or read, or a bundle that is not to be signed."""
