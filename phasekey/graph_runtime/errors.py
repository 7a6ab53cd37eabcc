"""The one error of this package."""

from phasekey.errors import PhasekeyError


class GraphError(PhasekeyError):
    """A graph could not be loaded, or was fed something that it does not take.

    ONNX Runtime's own message is at most this exception's ``__cause__``; it is never in the text.
    """
