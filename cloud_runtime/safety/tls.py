"""TLS: the server's certificate, clients' certificates, and their renewal without a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.safety.watched_file import WatchedFile


def server_credentials(config: ServerConfig) -> grpc.ServerCredentials | None:
    """Make the credentials that a server's settings ask for; None where they ask for no TLS.

    Every handshake looks whether the files changed, so a renewed certificate is used from the next
    connection on; connections that stand keep theirs.

    Raises:
        CloudRuntimeError: a file cannot be read, or is no certificate or key.
    """
    if config.tls_certificate is None or config.tls_key is None:
        return None
    paths = [
        config.tls_certificate,
        config.tls_key,
        *([config.tls_client_ca] if config.tls_client_ca else []),
    ]
    files: WatchedFile[Any] = WatchedFile(tuple(paths), _read)
    try:
        return grpc.dynamic_ssl_server_credentials(
            files.value(), files.value, require_client_authentication=config.tls_client_ca is not None
        )
    except ValueError as error:
        raise CloudRuntimeError(f"TLS could not be set up from {', '.join(map(str, paths))}.") from error


def _read(paths: tuple[Path, ...]) -> Any:
    certificate, key, *authority = (path.read_bytes() for path in paths)
    for path, content in zip(paths, (certificate, key, *authority), strict=True):
        if b"-----BEGIN " not in content or b"-----END " not in content:
            raise CloudRuntimeError(f"{path} is not a whole PEM file.")
    return grpc.ssl_server_certificate_configuration(
        [(key, certificate)], root_certificates=authority[0] if authority else None
    )
