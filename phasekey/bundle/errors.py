"""The one error of this package."""

from phasekey.errors import PhasekeyError


class BundleError(PhasekeyError):
    """A bundle is missing, damaged, of another format version, or does not fit together."""
