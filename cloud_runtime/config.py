"""What a server is started with: one table of settings, their defaults, limits and help.

A plain dataclass, so that a program can start a server with what is installed anyway. Flags, environment
and file are read into it by ``cloud_runtime.settings``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from cloud_runtime.errors import CloudRuntimeError
from phasekey.graph_runtime.session import Device

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):(?P<port>[0-9]{1,5})")
_UNIX = "unix:"
_MAX_PORT = 65535


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _about(text: str, low: float | None = None, high: float | None = None) -> Mapping[str, Any]:
    return {"help": text, "low": low, "high": high}


@dataclass(frozen=True)
class ServerConfig:
    """Settings of one server; each field's help is what the command line shows for it.

    Raises:
        CloudRuntimeError: a value is out of range, or settings that do not go together; the text says which.
    """

    model_repository: Path = field(metadata={"help": "folder of models to serve"})
    listen: str = field(
        default="127.0.0.1:8001",
        metadata=_about("HOST:PORT for gRPC, port 0 for any free one; or unix:/PATH"),
    )
    http: str | None = field(
        default=None, metadata=_about("HOST:PORT for health and metrics over HTTP, e.g. 127.0.0.1:8002")
    )
    insecure: bool = field(
        default=False, metadata=_about("listen beyond loopback without TLS: say it where a gateway encrypts")
    )

    model_control: Literal["none", "explicit"] = field(
        default="none",
        metadata=_about("none: serve every model of the repository; explicit: clients may load and unload"),
    )
    load_model: tuple[str, ...] = field(
        default=(), metadata=_about("with explicit control: models to load at the start, by commas")
    )

    device: Device = field(
        default="cpu", metadata=_about("where graphs run: cpu, cuda or tensorrt; a missing one is an error")
    )
    cuda_graphs: bool = field(
        default=False, metadata=_about("on cuda, capture kernels and replay them where shapes repeat")
    )
    threads: int = field(
        default=1,
        metadata=_about(
            "threads within one run, 0: every core. 1 serves many best, more answer a lone client sooner",
            0,
            1024,
        ),
    )
    workers: int = field(
        default_factory=cores,
        metadata=_about("runs at a time; the rest waits in turn (default: the cores)", 1, 1024),
    )
    slice_samples: int = field(
        default=4,
        metadata=_about(
            "samples in one run on a CPU; a larger request takes turns with others. 0: any number", 0, 65536
        ),
    )

    max_message_mib: int | None = field(
        default=None,
        metadata=_about(
            "largest request; default: what the models' shapes need. Larger: RESOURCE_EXHAUSTED", 1, 2047
        ),
    )
    max_queue_requests: int = field(
        default=64, metadata=_about("requests in the server; one more gets RESOURCE_EXHAUSTED", 2, 4096)
    )
    max_queue_mib: int = field(default=128, metadata=_about("bytes of their messages, in MiB", 1, 1048576))
    client_share: float = field(
        default=0.5, metadata=_about("part of the queue that one client may have", 0.01, 1)
    )
    client_rate: float = field(
        default=0.0, metadata=_about("requests a second that one client may send; 0: any number", 0, 1e6)
    )
    read_timeout: float = field(
        default=10.0, metadata=_about("seconds that a client may take to send one request", 0.1, 3600)
    )

    tls_certificate: Path | None = field(
        default=None, metadata=_about("PEM file of the server's certificate chain; read anew if changed")
    )
    tls_key: Path | None = field(default=None, metadata=_about("PEM file of its private key"))
    tls_client_ca: Path | None = field(
        default=None, metadata=_about("PEM file: only clients with a certificate of these may connect")
    )
    token_file: Path | None = field(
        default=None, metadata=_about("file of NAME TOKEN [operator], a line each; read anew if changed")
    )

    keepalive: float = field(
        default=60.0,
        metadata=_about("seconds of silence after which a client is asked whether it is there", 1, 86400),
    )
    max_connection_age: float = field(
        default=0.0,
        metadata=_about(
            "seconds after which a client is sent to connect anew (so that balancers see it); 0: never",
            0,
            1e7,
        ),
    )
    drain_delay: float = field(
        default=0.0,
        metadata=_about(
            "seconds on SIGTERM to answer on while saying `not ready`, for balancers to notice", 0, 3600
        ),
    )
    drain_timeout: float = field(
        default=25.0, metadata=_about("seconds that requests under way then get to finish", 0, 3600)
    )

    log_format: Literal["text", "json"] = field(
        default="text", metadata=_about("text for people, json for collectors")
    )
    log_level: Literal["debug", "info", "warning", "error"] = field(
        default="info", metadata=_about("the least that is logged")
    )
    tracing: bool = field(
        default=False, metadata=_about("export traces by OpenTelemetry, set up by its OTEL_… variables")
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _require(item.name, getattr(self, item.name), item.metadata)
        _check_address(self.listen, unix=True)
        if self.http is not None:
            _check_address(self.http, unix=False)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise CloudRuntimeError("TLS needs both a certificate and its key: tls_certificate, tls_key.")
        if self.tls_client_ca and not self.tls_certificate:
            raise CloudRuntimeError(
                "tls_client_ca asks clients for certificates; it needs tls_certificate too."
            )
        if self.load_model and self.model_control == "none":
            raise CloudRuntimeError("load_model chooses models; that needs model_control explicit.")
        if not (self.tls_certificate or self.insecure or is_local(self.listen)):
            raise CloudRuntimeError(
                f"{self.listen} can be reached from other machines, and nothing encrypts: give "
                "tls_certificate and tls_key, or say insecure where a gateway in front does it."
            )

    @property
    def host(self) -> str:
        """The host part of ``listen``."""
        return self.listen.rpartition(":")[0]


def is_local(address: str) -> bool:
    """Tell whether only this machine can reach an address: loopback or a Unix socket."""
    host = address.rpartition(":")[0].strip("[]")
    if address.startswith(_UNIX) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(address: str, *, unix: bool) -> None:
    if unix and address.startswith(_UNIX) and len(address) > len(_UNIX):
        return
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise CloudRuntimeError(
            f"Address to listen on: {address!r} is not HOST:PORT, e.g. 127.0.0.1:8001 or [::1]:8001"
            f"{', nor unix:/PATH' if unix else ''}."
        )


def _require(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    low, high = metadata.get("low"), metadata.get("high")
    if low is None or value is None:
        return
    if not low <= value <= high:
        raise CloudRuntimeError(f"{name} must be {low:g} to {high:g}, not {value}.")
