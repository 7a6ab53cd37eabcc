"""Taking the address to listen on."""

from __future__ import annotations

import socket
from typing import Any

import grpc

from cloud_runtime.errors import CloudRuntimeError

_UNIX = "unix:"


def bind(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    """Have a server listen; gives the address as bound, with the port that was picked where 0 was asked for.

    Args:
        server: one that has not started.
        address: HOST:PORT or unix:/PATH.
        credentials: for TLS; None for none.

    Raises:
        CloudRuntimeError: the address cannot be had.
    """
    _require_free(address)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise _unavailable(address) from error
    if port == 0:  # how some versions of grpcio report it
        raise _unavailable(address)
    return address if address.startswith(_UNIX) else f"{address.rpartition(':')[0]}:{port}"


def _require_free(address: str) -> None:
    """Try the address by ourselves first: gRPC writes lines of its own to stderr where it fails.

    A name may stand for several addresses; as for gRPC, one is enough. A Unix socket that somebody answers
    at is taken; gRPC would put its own in the place.
    """
    if address.startswith(_UNIX):
        if _answers(address.removeprefix(_UNIX)):
            raise _unavailable(address)
        return
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise _unavailable(address) from error
    if not any(_can_bind(family, where) for family, *_, where in found):
        raise _unavailable(address)


def _can_bind(family: int, where: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC: a port just left is free
            probe.bind(where)
    except OSError:
        return False
    return True


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path.removeprefix("//"))
        except OSError:
            return False
    return True


def _unavailable(address: str) -> CloudRuntimeError:
    return CloudRuntimeError(
        f"Cannot listen on {address}: the port is taken, or the host is not one of this machine's. "
        "Choose another, or port 0 for any free one."
    )
