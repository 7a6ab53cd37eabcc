"""The one error of this package."""

from phasekey.errors import PhasekeyError


class SdkError(PhasekeyError):
    """The client was set up wrongly, or the server did not answer as this bundle needs.

    Never holds the secret, an angle, noise, a decoy, a feature or pixel values.
    """
