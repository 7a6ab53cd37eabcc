"""What both gRPC transports have in common: all but the waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc

from phasekey.wire.service import infer_call, unary_call
from sdk.errors import ConfigurationError
from sdk.transport.access import credentials_of, stamp_of, token_source
from sdk.transport.config import ClientConfig
from sdk.transport.leases import Lease, Leases
from sdk.transport.messages import Peer
from sdk.transport.options import channel_options
from sdk.transport.targets import check_target, joined, one_name

_BESIDE_X = 65_536  # bytes of a request beside the values of x
QUESTIONS = ("ServerReady", "ModelReady", "ModelMetadata")


class GrpcBase:
    """Settings, counters and the opening of channels of one way to a cloud.

    Args:
        target: ``host:port``, another gRPC target such as ``unix:/path``, or several addresses.
        model_name: the processing module's name on the server.
        credentials: for TLS, in place of what ``config`` names; None with a config without TLS sends in the
            clear. (x is made to be seen by the server; TLS keeps it from everyone else, and the answer from
            being altered.)
        timeout: seconds that each call may take; of the config by default.
        max_request_bytes: longest request, so that gRPC keeps it for a retry.
        max_reply_bytes: longest reply that is taken in; None sets no limit.
        config: everything else.

    Raises:
        ConfigurationError: a target or a setting that is none.
    """

    _leases: Leases[Line]

    def __init__(
        self,
        target: str | tuple[str, ...],
        model_name: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout: float | None = None,  # seconds
        max_request_bytes: int = 0,
        max_reply_bytes: int | None = None,
        config: ClientConfig | None = None,
    ) -> None:
        targets = (target,) if isinstance(target, str) else tuple(target)
        changed: dict[str, Any] = {"targets": tuple(check_target(each) for each in targets)}
        if timeout is not None:
            changed["timeout"] = timeout
        self._config = (config or ClientConfig()).updated(changed)
        if not targets:
            raise ConfigurationError("There is no target: give target='HOST:PORT'.")
        if not isinstance(credentials, grpc.ChannelCredentials | None):
            kind = type(credentials).__name__
            raise ConfigurationError(f"credentials must be grpc.ChannelCredentials, not a {kind}.")
        encrypted = credentials is not None or self._config.secure
        self._config.check_token(encrypted=encrypted)
        if encrypted and len(targets) > 1 and self._config.server_name is None:
            self._config = self._config.updated({"server_name": one_name(targets)})
        self._credentials, self._token = credentials, token_source(self._config)
        self._watched = credentials is None and self._config.secure  # files that may be replaced
        connect = min(self._config.connect_timeout, self._config.timeout)
        self._peer = Peer(", ".join(targets), model_name, self._config.timeout, connect)
        self._options = channel_options(
            self._config, largest_request=max_request_bytes + _BESIDE_X, largest_reply=max_reply_bytes
        )
        self._lock, self._up, self._down = threading.Lock(), 0, 0

    @property
    def bytes_up(self) -> int:
        """Bytes of the inference requests answered so far: the messages, without gRPC's framing."""
        return self._up

    @property
    def bytes_down(self) -> int:
        """Bytes of the inference replies so far: the messages, without gRPC's framing."""
        return self._down

    def _count(self, up: int, down: int) -> None:
        with self._lock:
            self._up += up
            self._down += down

    def _stamp(self) -> object:
        return stamp_of(self._config) if self._watched else None

    def _renew_if_dead(self, error: grpc.RpcError, lease: Lease[Line]) -> None:
        """Let the next call try a new connection: no answer in time is how a dead one shows."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and not lease.stale:
            self._leases.renew(lease)

    def _open_channel(self, module: Any) -> Any:
        """Open a channel of ``grpc`` or of ``grpc.aio``, with its methods bound."""
        target = joined(self._config.targets)
        credentials = self._credentials or credentials_of(self._config)
        channel = (
            module.insecure_channel(target, self._options)
            if credentials is None
            else module.secure_channel(target, credentials, self._options)
        )
        return Line(channel)

    def _deadline(self) -> Callable[[], float]:
        """Seconds that are left of a check, at each of its questions."""
        end = time.monotonic() + self._peer.connect_timeout
        return lambda: max(0.001, end - time.monotonic())


class Line:
    """A channel and its methods, bound once."""

    def __init__(self, channel: Any) -> None:
        self.channel, self.infer = channel, infer_call(channel)
        self.questions = {name: unary_call(channel, name) for name in QUESTIONS}
