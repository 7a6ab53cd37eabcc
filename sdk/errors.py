"""The errors of this package, by what the caller can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from phasekey.errors import PhasekeyError

if TYPE_CHECKING:
    import grpc

    from sdk.prediction import Prediction


class SdkError(PhasekeyError):
    """The client was set up wrongly, or the server did not answer as this bundle needs.

    Never holds the secret, an angle, noise, a decoy, a feature or pixel values.

    Attributes:
        retryable: whether the same call may succeed later, with nothing changed. To try again is to call
            ``predict`` with the same images on a client of the same secret: they then go out as the same x.
        code: the gRPC status behind it; None where no call failed.
        done: what had been done by then, for instance whether x had left the device.
        partial: what was answered before it, where a batch took several requests.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: grpc.StatusCode | None = None, done: str = "") -> None:
        super().__init__(message)
        self.code, self.done = code, done
        self.partial: Prediction | None = None


class ConfigurationError(SdkError):
    """Arguments or settings that are wrong, or do not go together. Nothing was sent."""


class Untrusted(SdkError):
    """The bundle, or the secret's file, is not one to be trusted. Nothing was sent."""


class ClientClosed(SdkError):
    """The client was closed, or belongs to the process that this one was forked from."""


class CallError(SdkError):
    """A call to the server failed."""


class Unavailable(CallError):
    """No server could be reached, or it went away: try again, or another target."""

    retryable = True


class DeadlineExceeded(CallError):
    """No answer came in time: try again, or give more time."""

    retryable = True


class Overloaded(CallError):
    """The server has no room now: try again later, or with less."""

    retryable = True


class Cancelled(CallError):
    """The call was called off, here or by the server."""


class Unauthenticated(CallError):
    """The server does not know this client: its token or certificate is missing, wrong or expired."""


class Forbidden(CallError):
    """The server knows this client and does not allow it."""


class WrongServer(CallError):
    """What answers does not speak the protocol: another port, or another kind of server."""


class WrongModel(CallError):
    """The server does not offer this bundle's other half."""


class RequestRefused(CallError):
    """The server takes the request for wrong."""


class InvalidReply(CallError):
    """The server's answer makes no sense, or is not what this bundle's model gives."""


class ServerFailed(CallError):
    """The server failed while it computed, for a reason that it keeps in its own log."""

    retryable = True
