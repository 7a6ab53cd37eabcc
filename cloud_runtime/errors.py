"""The errors of this package, by who has to put them right."""

from phasekey.errors import PhasekeyError


class CloudRuntimeError(PhasekeyError):
    """The server cannot do its part: its repository, its address or its settings are to be put right."""


class RequestError(CloudRuntimeError):
    """A client asked for something that it cannot have. It gets the text; the server goes on."""


class ModelNotFoundError(RequestError):
    """A request names a model, or a version of one, that is not served here."""


class InvalidInputError(RequestError):
    """A request's tensors are not what the model takes. The text never holds their values."""
