"""Addresses of servers: told apart from what is none, and put as gRPC takes them. Pure but for look-ups."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sdk.errors import ConfigurationError, Unavailable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_OWN_SCHEMES = ("unix:", "unix-abstract:", "ipv4:", "ipv6:", "dns:", "xds:", "vsock:")  # gRPC's
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:/\s]+):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65535


def check_target(target: object) -> str:
    """Return a target as it is, if it is one.

    Raises:
        ConfigurationError: empty, a URL, without a port, or not to be understood.
    """
    if not isinstance(target, str):
        raise ConfigurationError(f"A target must be a text 'HOST:PORT', not a {type(target).__name__}.")
    if not target.strip():
        raise ConfigurationError("The target is empty: give HOST:PORT, for instance 127.0.0.1:8001.")
    if target.startswith(_OWN_SCHEMES):
        return target
    scheme = _SCHEME.match(target)
    if scheme:
        rest = target[scheme.end() :].partition("/")[0]
        rest += "" if _ADDRESS.fullmatch(rest) else ":PORT"
        advice = " with tls=True" if scheme[1].lower() in ("https", "grpcs") else ""
        raise ConfigurationError(f"The target {target!r} is a URL: give HOST:PORT alone, {rest!r}{advice}.")
    found = _ADDRESS.fullmatch(target)
    if not found:
        problem = "has no port" if ":" not in target else "is not HOST:PORT"
        raise ConfigurationError(
            f"The target {target!r} {problem}: give it as HOST:PORT, like cloud.example:8001."
        )
    if not 0 < int(found["port"]) <= _LARGEST_PORT:
        raise ConfigurationError(f"The target {target!r} has a port that is none: 1 to {_LARGEST_PORT}.")
    return target


def is_loopback(target: str) -> bool:
    """Whether a target is on this machine for certain."""
    if target.startswith("unix"):
        return True
    import ipaddress  # here: asked of targets with a token alone

    host = target.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def joined(targets: Sequence[str]) -> str:
    """One gRPC target for all: names of several are looked up here, since gRPC takes one name at a time.

    Raises:
        Unavailable: a name of several is unknown.
        ConfigurationError: several, of which one is no HOST:PORT, or some are IPv4 and some IPv6.
    """
    if len(targets) == 1:
        return targets[0]
    addresses = [address for target in targets for address in _addresses(target)]
    kinds = {"ipv6" if address.startswith("[") else "ipv4" for address in addresses}
    if len(kinds) > 1:
        raise ConfigurationError("Several targets must all be IPv4 or all IPv6 addresses.")
    return f"{kinds.pop()}:{','.join(dict.fromkeys(addresses))}"


def one_name(targets: Sequence[str]) -> str:
    """The name that the certificates of several servers are checked against, where none is set.

    gRPC gets the addresses of several servers in one target, and checks every certificate against one name:
    by itself against that whole list, which no certificate has.

    Raises:
        ConfigurationError: they have several names.
    """
    hosts = sorted({target.rpartition(":")[0].strip("[]") for target in targets})
    if len(hosts) > 1:
        raise ConfigurationError(
            f"Over TLS several servers are checked against one name, and these have {len(hosts)}: "
            f"{', '.join(hosts)}. Give server_name='NAME', one that all their certificates hold; or "
            "one target whose name leads to all of them (DNS)."
        )
    return hosts[0]


def _addresses(target: str) -> list[str]:
    found = _ADDRESS.fullmatch(target)
    if not found:
        raise ConfigurationError(f"Of several targets each must be HOST:PORT, which {target!r} is not.")
    import socket  # here: of one target gRPC looks up the name

    host, port = found["host"].strip("[]"), int(found["port"])
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(
            f"No server answered at {target}: its name is unknown (DNS). Check the address.",
            done="nothing was sent",
        ) from error
    names = [str(entry[4][0]) for entry in entries]
    fours = [f"{name}:{port}" for name in names if ":" not in name]
    return fours or [f"[{name}]:{port}" for name in names]
