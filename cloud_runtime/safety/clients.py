"""Who calls: by token, by certificate, or else by connection."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from cloud_runtime.errors import CloudRuntimeError, UnauthenticatedError
from cloud_runtime.safety.watched_file import WatchedFile

_HEADER, _SCHEME = "authorization", "Bearer "
_LOCAL = re.compile(r"unix:|ipv4:127\.|ipv6:(\[|%5B)::1(\]|%5D)")
_MIN_TOKEN = 16  # characters: fewer can be guessed


class Caller(Protocol):
    """What a call tells of who sent it."""

    def peer(self) -> str: ...

    def auth_context(self) -> Any: ...

    def invocation_metadata(self) -> Any: ...


@dataclass(frozen=True)
class Client:
    """One caller.

    Attributes:
        name: what limits and turns go by; a token's name, a certificate's, or the connection.
        operator: whether it may load and unload models.
    """

    name: str
    operator: bool


@dataclass(frozen=True)
class _Token:
    name: str
    digest: bytes
    operator: bool

    def __repr__(self) -> str:
        return f"_Token({self.name!r})"


class Clients:
    """Knows callers by their tokens, where a file of tokens is given. Safe to use from many threads.

    Args:
        token_file: ``NAME TOKEN [operator]`` a line, # for comments; None lets everybody in who reaches
            the server, operators only from this machine.
        certificates: whether clients have certificates to be known by.

    Raises:
        CloudRuntimeError: the file cannot be read, or a line of it makes no sense.
    """

    def __init__(self, token_file: Path | None = None, *, certificates: bool = False) -> None:
        self._certificates = certificates
        self._file = WatchedFile((token_file,), _read_tokens) if token_file else None

    def identify(self, context: Caller) -> Client:
        """Say who calls.

        Raises:
            UnauthenticatedError: tokens are wanted, and the call has none that is known.
        """
        if self._file is None:
            names: Any = None  # bytes, whatever the stubs say
            if self._certificates:
                names = context.auth_context().get("x509_common_name")
            return _by_connection(context.peer(), names[0] if names else None)
        for key, value in context.invocation_metadata() or ():
            if key == _HEADER and isinstance(value, str) and value.startswith(_SCHEME):
                return self._match(value.removeprefix(_SCHEME).strip())
        raise UnauthenticatedError("A token is needed: send the header `authorization: Bearer TOKEN`.")

    def _match(self, given: str) -> Client:
        """Compare with every token in constant time, so that the time tells nothing."""
        assert self._file is not None  # noqa: S101 - for the type checker
        digest, found = _digest(given), None
        for token in self._file.value():
            if hmac.compare_digest(digest, token.digest):
                found = token
        if found is None:
            raise UnauthenticatedError("The token is not known here.")
        return Client(found.name, found.operator)


@lru_cache(maxsize=1024)
def _by_connection(peer: str, certificate: bytes | None) -> Client:
    name = peer if certificate is None else f"certificate {certificate.decode(errors='replace')}"
    return Client(name, _LOCAL.match(peer) is not None)


def _read_tokens(paths: tuple[Path, ...]) -> tuple[_Token, ...]:
    (path,) = paths
    tokens = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) not in (2, 3) or words[2:] not in ([], ["operator"]) or len(words[1]) < _MIN_TOKEN:
            raise CloudRuntimeError(
                f"{path}, line {number}: expected NAME TOKEN or NAME TOKEN operator, the token of "
                f"{_MIN_TOKEN} characters or more."
            )
        tokens.append(_Token(words[0], _digest(words[1]), len(words) == 3))
    if not tokens:
        raise CloudRuntimeError(f"{path} holds no token: nobody could use the server.")
    return tuple(tokens)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
