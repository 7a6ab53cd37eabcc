"""Credentials: certificates from files, and the token of each call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import grpc

from sdk.errors import ConfigurationError
from sdk.transport.config import ClientConfig


def credentials_of(config: ClientConfig) -> grpc.ChannelCredentials | None:
    """Read the certificates as they are now; None where calls go in the clear.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    if not config.secure:
        return None
    roots, key, cert = (_read_pem(path) for path in (config.ca_cert, config.key, config.cert))
    return grpc.ssl_channel_credentials(roots, key, cert)


def stamp_of(config: ClientConfig) -> tuple[object, ...]:
    """What changes when a certificate's file is replaced."""
    paths = (config.ca_cert, config.key, config.cert)
    return tuple(_stamp(path) for path in paths if path is not None)


def token_source(config: ClientConfig) -> Callable[[], list[tuple[str, str]]]:
    """A function that gives the metadata of a call: none, or the token of the moment."""
    if config.token_file is not None:
        path = config.token_file
        return lambda: _bearer(_text(path))
    token = config.token
    if token is None:
        return lambda: []
    return (lambda: _bearer(token())) if callable(token) else (lambda: _bearer(token))


def _bearer(token: str) -> list[tuple[str, str]]:
    text = token.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigurationError("The token is empty, or holds characters that no header can carry.")
    return [("authorization", f"Bearer {text}")]


def _text(path: Path) -> str:
    content = _read(path) or b""
    return content.decode("ascii", "replace")


def _read_pem(path: Path | None) -> bytes | None:
    content = _read(path)
    if content is not None and not (b"-----BEGIN" in content and b"-----END" in content):
        raise ConfigurationError(f"{path} is no PEM file, or only half of one.")
    return content


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error


def _stamp(path: Path) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
