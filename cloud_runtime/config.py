"""What a server is started with."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from cloud_runtime.errors import CloudRuntimeError
from phasekey.graph_runtime.session import Device

_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):(?P<port>[0-9]{1,5})")
_MAX_PORT = 65535
_MAX_MESSAGE_MIB = 2047  # protobuf ends at 2 GiB


def default_workers() -> int:
    """Requests to work on at a time: the cores that this process may use, and two more.

    The two keep the cores busy while messages are read and written; many more only lengthen the slowest
    answers.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 2


@dataclass(frozen=True)
class ServerConfig:
    """Settings of one server.

    Attributes:
        model_repository: folder with one folder for each model.
        listen: HOST:PORT; port 0 takes any free one. IPv6 hosts go in brackets.
        threads: threads within one run of a graph; 0 for every core. 1 gives the most answers a second.
        workers: requests worked on at a time.
        device: ``"cpu"`` or ``"cuda"``.
        max_message_mib: largest request taken, in MiB.

    Raises:
        CloudRuntimeError: a value is out of range; the text says which.
    """

    model_repository: Path
    listen: str = "127.0.0.1:8001"
    threads: int = 1
    workers: int = field(default_factory=default_workers)
    device: Device = "cpu"
    max_message_mib: int = 64

    def __post_init__(self) -> None:
        match = _LISTEN.fullmatch(self.listen)
        if match is None or int(match["port"]) > _MAX_PORT:
            raise CloudRuntimeError(
                f"Address to listen on: {self.listen!r} is not HOST:PORT, e.g. 127.0.0.1:8001 or [::1]:8001."
            )
        _require("threads", self.threads, 0, 1024)
        _require("workers", self.workers, 1, 1024)
        _require("largest message in MiB", self.max_message_mib, 1, _MAX_MESSAGE_MIB)

    @property
    def host(self) -> str:
        """The host part of ``listen``."""
        return self.listen.rpartition(":")[0]


def _require(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise CloudRuntimeError(f"The {what} must be {low} to {high}, not {value}.")
