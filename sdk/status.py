"""From gRPC status codes to sentences that help. Pure: a code in, a text out."""

from __future__ import annotations

import grpc

_LONGEST_QUOTE = 200  # characters of a server's own words that are passed on

_Code = grpc.StatusCode
_TEXTS = {
    _Code.UNAVAILABLE: (
        "No server answered at {target}: nothing listens there, it is shutting down, or TLS is wanted on one "
        "side only. Start it (python -m cloud_runtime --help) or check the address."
    ),
    _Code.DEADLINE_EXCEEDED: (
        "No server answered at {target} within {timeout:g} s. Check the address, or give it more time with "
        "timeout=."
    ),
    _Code.UNIMPLEMENTED: (
        "The server at {target} does not speak the Open Inference Protocol v2 over gRPC. Check the port: "
        "many servers have one for HTTP and another for gRPC."
    ),
    _Code.NOT_FOUND: (
        "The server at {target} does not offer model {model!r}: either this bundle and the server's model "
        "repository come from different exports, or the model is not loaded. Serve the 'cloud' folder that "
        "was exported together with this bundle."
    ),
    _Code.RESOURCE_EXHAUSTED: (
        "The server at {target} has no room for the request now, or its answer was longer than this model's "
        "can be. Try again later, or with a smaller batch_size."
    ),
    _Code.UNAUTHENTICATED: "The server at {target} does not know this client: check credentials=.",
    _Code.PERMISSION_DENIED: "The server at {target} does not allow this client: check credentials=.",
    _Code.CANCELLED: "The request to {target} was cancelled: the client was closed meanwhile.",
}
_OTHERWISE = "The server at {target} failed ({code}). Its own log says more; try again later."


def explain(code: grpc.StatusCode, details: str | None, *, target: str, model: str, timeout: float) -> str:
    """Say what a failed call means and what to do.

    The server's own words are quoted for INVALID_ARGUMENT alone (they are about names and shapes), cut
    short and without control characters.
    """
    if code is _Code.INVALID_ARGUMENT:
        return f"The server at {target} refused the request: {quote(details)}"
    return _TEXTS.get(code, _OTHERWISE).format(target=target, model=model, timeout=timeout, code=code.name)


def quote(text: str | None) -> str:
    """Make a server's words fit to be shown: one short line of printable characters."""
    line = "".join(c if c.isprintable() else " " for c in text or "(it gave no reason)")
    return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…"
