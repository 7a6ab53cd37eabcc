"""Settings of a client's network: from code, a TOML file, or the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from sdk.errors import ConfigurationError
from sdk.transport.settings import checked, number, parsed
from sdk.transport.targets import check_target, is_loopback

PREFIX = "PHASEKEY_"
# The names of grpc.StatusCode, written down so that settings need no gRPC; a test compares them.
# fmt: off
_CODES = frozenset((
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
    "DATA_LOSS",
))
# fmt: on


class Settings(TypedDict, total=False):
    """The fields of ClientConfig, as keywords of a client."""

    targets: tuple[str, ...]
    tls: bool
    ca_cert: Path | None
    cert: Path | None
    key: Path | None
    server_name: str | None
    token: str | Callable[[], str] | None
    token_file: Path | None
    timeout: float
    connect_timeout: float
    retry_attempts: int
    retry_wait: float
    retry_longest_wait: float
    retry_codes: tuple[str, ...]
    retry_budget: int
    concurrency: int
    batch_size: int
    on_unavailable: Literal["raise", "local"]
    breaker_failures: int
    breaker_pause: float


@dataclass(frozen=True)
class ClientConfig:
    """How a client reaches its servers, and what it does when it cannot.

    Attributes:
        targets: servers, each ``HOST:PORT`` (or one gRPC target such as ``unix:/path``); calls go to each in
            turn, and past those that are down.
        tls: encrypt; implied by the certificates below. Without ``ca_cert`` the system's roots are trusted.
        ca_cert: PEM file of the roots to trust. This and the next two are read anew when they change, by way
            of a new connection, while the old one finishes.
        cert: PEM file of this device's own certificate, for mutual TLS; goes with ``key``.
        key: PEM file of its private key.
        server_name: the name in the servers' certificate, where it is not that of the target.
        token: sent as ``authorization: Bearer …``; a text, or a function that gives one for each call.
            Only over TLS, or to this machine.
        token_file: a file that holds the token, read anew when it changes.
        timeout: seconds that a call may take, its retries included.
        connect_timeout: seconds within which a server must answer the first time, and a connection stand.
        retry_attempts: most times that one request is sent, 1 to 5; always the same bytes.
        retry_wait: seconds before the second attempt, about; doubled from one to the next.
        retry_longest_wait: seconds that a wait grows to.
        retry_codes: gRPC statuses after which a request is sent again.
        retry_budget: failures in a row after about half of which nothing is retried, until calls succeed.
        concurrency: requests in flight of one ``predict_stream``.
        batch_size: most images in one request; fewer where their x would exceed 16 MiB.
        on_unavailable: ``"raise"``, or ``"local"``: compute on this device, if the bundle allows.
        breaker_failures: with ``"local"``, failures in a row after which servers are left alone for a while.
        breaker_pause: seconds of that while.

    Raises:
        ConfigurationError: a value that is none, or values that do not go together.
    """

    targets: tuple[str, ...] = field(default=(), metadata={"kind": "texts"})
    tls: bool = field(default=False, metadata={"kind": "flag"})
    ca_cert: Path | None = field(default=None, metadata={"kind": "path"})
    cert: Path | None = field(default=None, metadata={"kind": "path"})
    key: Path | None = field(default=None, metadata={"kind": "path"})
    server_name: str | None = field(default=None, metadata={"kind": "text"})
    token: str | Callable[[], str] | None = field(default=None, repr=False, metadata={"kind": "token"})
    token_file: Path | None = field(default=None, metadata={"kind": "path"})
    timeout: float = field(default=30.0, metadata=number(0, 86400))
    connect_timeout: float = field(default=5.0, metadata=number(0, 3600))
    retry_attempts: int = field(default=3, metadata=number(1, 5, whole=True))
    retry_wait: float = field(default=0.1, metadata=number(0, 60))
    retry_longest_wait: float = field(default=2.0, metadata=number(0, 600))
    retry_codes: tuple[str, ...] = field(default=("UNAVAILABLE",), metadata={"kind": "texts"})
    retry_budget: int = field(default=100, metadata=number(1, 1000, whole=True))
    concurrency: int = field(default=4, metadata=number(1, 256, whole=True))
    batch_size: int = field(default=64, metadata=number(1, 65536, whole=True))
    on_unavailable: Literal["raise", "local"] = field(default="raise", metadata={"kind": "text"})
    breaker_failures: int = field(default=3, metadata=number(1, 1000, whole=True))
    breaker_pause: float = field(default=30.0, metadata=number(0, 86400))

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, checked(each.name, getattr(self, each.name), each.metadata))
        for target in self.targets:
            check_target(target)
        if (self.cert is None) != (self.key is None):
            raise ConfigurationError(
                "cert and key go together: this device's certificate and its private key."
            )
        if self.on_unavailable not in ("raise", "local"):
            raise ConfigurationError(
                f"on_unavailable must be 'raise' or 'local', not {self.on_unavailable!r}."
            )
        unknown = set(self.retry_codes) - _CODES
        if unknown or not self.retry_codes:
            raise ConfigurationError(
                f"retry_codes must be names of gRPC statuses, which {sorted(unknown)} are not."
            )
        if self.token is not None and self.token_file is not None:
            raise ConfigurationError("Give either token or token_file, not both.")

    @property
    def secure(self) -> bool:
        """Whether calls are encrypted."""
        return self.tls or self.ca_cert is not None or self.cert is not None

    def check_token(self, *, encrypted: bool) -> None:
        """Refuse to send a token where others can read it.

        Raises:
            ConfigurationError: a token, no TLS, and a target that is not this machine.
        """
        wanted = self.token is not None or self.token_file is not None
        if wanted and not encrypted and not all(map(is_loopback, self.targets)):
            raise ConfigurationError(
                "A token goes over TLS alone: set tls=True, or ca_cert of your own authority."
            )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> ClientConfig:
        """Read a TOML file whose keys are the fields above.

        Raises:
            ConfigurationError: it cannot be read, or holds an unknown key or a wrong value.
        """
        import tomllib  # here: a device without such a file does without a parser

        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"The settings file {os.fspath(path)} cannot be read as TOML."
            ) from error
        return cls().updated(values)

    @classmethod
    def from_env(
        cls, environment: Mapping[str, str] | None = None, base: ClientConfig | None = None
    ) -> ClientConfig:
        """Read PHASEKEY_TARGETS, PHASEKEY_TIMEOUT and so on, one for each field; lists by commas.

        Args:
            environment: where from; the process's own by default.
            base: what holds where a variable is not set.

        Raises:
            ConfigurationError: a wrong value.
        """
        given = os.environ if environment is None else environment
        names = {f"{PREFIX}{each.name.upper()}": each for each in fields(cls)}
        values = {
            each.name: parsed(name, given[name], each.metadata["kind"])
            for name, each in names.items()
            if name in given
        }
        return (base or cls()).updated(values)

    def updated(self, values: Mapping[str, Any]) -> ClientConfig:
        """These settings with some replaced.

        Raises:
            ConfigurationError: an unknown name, or a wrong value.
        """
        known = {each.name for each in fields(self)}
        for name in values:
            if name not in known:
                raise ConfigurationError(
                    f"There is no setting {name!r}; there are {', '.join(sorted(known))}."
                )
        return replace(self, **values)
