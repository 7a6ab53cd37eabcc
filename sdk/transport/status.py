"""From gRPC status codes to errors whose sentences help. Pure: a code in, an error out."""

from __future__ import annotations

import grpc

from sdk.errors import (
    CallError,
    Cancelled,
    DeadlineExceeded,
    Forbidden,
    Overloaded,
    RequestRefused,
    ServerFailed,
    Unauthenticated,
    Unavailable,
    WrongModel,
    WrongServer,
)

NOTHING_SENT, SENT = "nothing was sent", "x was sent, and may have arrived"  # what had been done
_LONGEST_QUOTE = 200  # characters of a server's own words that are passed on

_Code = grpc.StatusCode
_KINDS: dict[grpc.StatusCode, tuple[type[CallError], str]] = {
    _Code.UNAVAILABLE: (
        Unavailable,
        "No server answered at {target}: {cause}. Start it (python -m cloud_runtime --help) or check the "
        "address.",
    ),
    _Code.DEADLINE_EXCEEDED: (
        DeadlineExceeded,
        "No server answered at {target} within {timeout:g} s. Check the address, or give it more time with "
        "{setting}=.",
    ),
    _Code.UNIMPLEMENTED: (
        WrongServer,
        "The server at {target} does not speak the Open Inference Protocol v2 over gRPC. Check the port: "
        "many servers have one for HTTP and another for gRPC.",
    ),
    _Code.NOT_FOUND: (
        WrongModel,
        "The server at {target} does not offer model {model!r}: either this bundle and the server's model "
        "repository come from different exports, or the model is not loaded. Serve the 'cloud' folder that "
        "was exported together with this bundle.",
    ),
    _Code.RESOURCE_EXHAUSTED: (
        Overloaded,
        "The server at {target} has no room for the request now, or its answer was longer than this model's "
        "can be. Try again later, or with a smaller batch_size.",
    ),
    _Code.UNAUTHENTICATED: (
        Unauthenticated,
        "The server at {target} does not know this client: its token or certificate is missing, wrong or "
        "expired; check credentials=.",
    ),
    _Code.PERMISSION_DENIED: (
        Forbidden,
        "The server at {target} does not allow this client: check credentials=, or ask whoever runs it.",
    ),
    _Code.CANCELLED: (
        Cancelled,
        "The request to {target} was cancelled: the client was closed meanwhile.",
    ),
}
_OTHERWISE = (ServerFailed, "The server at {target} failed ({code}). Its own log says more; try again later.")

# Words of gRPC's own, which it puts into the details of UNAVAILABLE. They come from this device's end of the
# connection, and none is passed on; another version may word them otherwise, which costs the better sentence.
_UNSAID = "nothing listens there, it is shutting down, or TLS is wanted on one side only"
_CAUSES = (
    (
        "hostname verification",
        "its certificate is for another name (TLS): give the right one as server_name=",
    ),
    ("wrong_version", "TLS is wanted on one side only"),
    ("certificate", "its certificate is not trusted or not for this name (TLS)"),
    ("ssl", "TLS is wanted on one side only"),
    ("handshake", "TLS is wanted on one side only, or its certificate is not trusted"),
    ("dns", "its name is unknown (DNS)"),
    ("name resolution", "its name is unknown (DNS)"),
    ("address family", "its name is unknown (DNS)"),
    ("hostname lookup", "its name is unknown (DNS)"),
    ("parsing http/2", "what listens there does not speak gRPC (an HTTP-only port?), or TLS is wanted"),
    ("http2 settings", "what listens there does not speak gRPC (an HTTP-only port?), or TLS is wanted"),
    ("trying to connect an http1", "what listens there speaks HTTP/1 only: many servers have another port"),
    ("connection refused", "nothing listens there"),
    ("timeout", "no connection came about in time: a firewall or a wrong address"),
    ("timed out", "no connection came about in time: a firewall or a wrong address"),
    ("connection reset", "the connection was reset"),
    ("socket closed", "it closed the connection: it went away, or TLS is wanted on one side only"),
    ("goaway", "it is shutting down"),
)


def error_of(
    code: grpc.StatusCode,
    details: str | None,
    *,
    target: str,
    model: str,
    timeout: float,
    setting: str = "timeout",
    done: str = "",
) -> CallError:
    """Say what a failed call means and what to do.

    The server's own words are quoted for INVALID_ARGUMENT alone (they are about names and shapes), cut
    short and without control characters.

    Args:
        code: the status.
        details: what came with it.
        target: the server's address.
        model: the processing module's name.
        timeout: seconds that the call had.
        setting: the client's, which says so.
        done: what had been done by then.
    """
    if code is _Code.INVALID_ARGUMENT:
        text = f"The server at {target} refused the request: {quote(details)}"
        return RequestRefused(text, code=code, done=done)
    kind, text = _KINDS.get(code, _OTHERWISE)
    words = {"setting": setting, "target": target, "model": model, "timeout": timeout, "code": code.name}
    return kind(text.format(cause=_cause(details), **words), code=code, done=done)


def _cause(details: str | None) -> str:
    said = (details or "").lower()
    return next((cause for word, cause in _CAUSES if word in said), _UNSAID)


def quote(text: str | None) -> str:
    """Make a server's words fit to be shown: one short line of printable characters."""
    line = "".join(c if c.isprintable() else " " for c in text or "(it gave no reason)")
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"
