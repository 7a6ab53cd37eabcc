"""The errors of this package, by who has to put them right."""

from phasekey.errors import PhasekeyError


class CloudRuntimeError(PhasekeyError):
    """The server cannot do its part: its repository, its address or its settings are to be put right."""


class RequestError(CloudRuntimeError):
    """A call that cannot be answered as asked. Its client gets the text; the server goes on."""


class InvalidInputError(RequestError):
    """A request is not what the method or the model takes. The text never holds tensors' values."""


class ModelNotFoundError(RequestError):
    """A request names a model, or a version of one, that is not served here."""


class OverloadedError(RequestError):
    """No room at the moment, in the server or in this client's share of it: try later, or with less."""


class NotServingError(RequestError):
    """The server, or the model, is starting, stopping or not for this: ask another replica, or later."""


class DeadlineError(RequestError):
    """The client's own deadline passed before its turn came."""


class CallCancelledError(RequestError):
    """The client went away or called it off before its turn came."""


class UnauthenticatedError(RequestError):
    """The call carries no token, or one that is not known."""


class ForbiddenError(RequestError):
    """The client is known, and not one that may do this."""
