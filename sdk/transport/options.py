"""How a channel behaves: gRPC's own balancing, retries and limits, from a ClientConfig. Pure."""

from __future__ import annotations

import json
from typing import Any

from phasekey.wire.service import SERVICE
from sdk.transport.config import ClientConfig

_MOST_ATTEMPTS = 5  # gRPC's own limit
_SMALLEST_BUFFER = 256 * 1024  # gRPC's default: above it, it stops retrying without a word


def channel_options(
    config: ClientConfig, *, largest_request: int, largest_reply: int | None
) -> list[tuple[str, Any]]:
    """The options of a channel.

    Args:
        config: of the client.
        largest_request: bytes; gRPC keeps so many of a call, to send the same again.
        largest_reply: bytes that are taken in; None sets no limit.
    """
    connect = round(1000 * config.connect_timeout)
    options: list[tuple[str, Any]] = [
        ("grpc.enable_http_proxy", 0),  # a proxy from the environment would be one more that sees x
        ("grpc.service_config_disable_resolution", 1),  # no TXT look-up beside the address's own
        ("grpc.service_config", service_config(config)),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", max(_SMALLEST_BUFFER, largest_request)),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1 if largest_reply is None else largest_reply),
        ("grpc.min_reconnect_backoff_ms", connect),  # how long one attempt at a connection may take
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 5000),
        ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection, not an old one shared
    ]
    if config.server_name is not None:
        options += [
            ("grpc.ssl_target_name_override", config.server_name),
            ("grpc.default_authority", config.server_name),
        ]
    return options


def service_config(config: ClientConfig) -> str:
    """gRPC's service config: every server in turn, and retries with jitter and a budget. No hedging.

    gRPC itself spreads each wait by a fifth either way. A retry is of the same bytes.
    """
    document: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if config.retry_attempts > 1:
        document["methodConfig"] = [
            {
                "name": [{"service": SERVICE}],
                "retryPolicy": {
                    "maxAttempts": min(config.retry_attempts, _MOST_ATTEMPTS),
                    "initialBackoff": f"{config.retry_wait:g}s",
                    "maxBackoff": f"{config.retry_longest_wait:g}s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": list(config.retry_codes),
                },
            }
        ]
        # Each failure takes a token, each success gives a tenth back; under half of them nothing is retried.
        document["retryThrottling"] = {"maxTokens": config.retry_budget, "tokenRatio": 0.1}
    return json.dumps(document)
