"""The gRPC server: listening, and stopping without losing what it has taken on."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc

from cloud_runtime.config import ServerConfig
from cloud_runtime.dispatch import make_handler
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.processor import Processor, load_processors
from cloud_runtime.servicer import InferenceServicer

DRAIN_SECONDS = 25.0  # Kubernetes kills 30 s after SIGTERM

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MIB = 1024 * 1024
_logger = logging.getLogger(__name__)


class RunningServer:
    """A server that listens. A context manager: leaving it stops the server.

    Attributes:
        address: HOST:PORT as bound, so with the port that was picked where 0 was asked for.
        models: names of the models served.
    """

    def __init__(
        self, server: grpc.Server, executor: ThreadPoolExecutor, address: str, models: tuple[str, ...]
    ) -> None:
        self._server = server
        self._executor = executor
        self.address = address
        self.models = models

    def stop(self, grace: float = DRAIN_SECONDS) -> None:
        """Take no new requests, finish those taken on, and stop.

        Args:
            grace: seconds to wait for them; what is not done by then is cancelled.
        """
        self._server.stop(grace).wait()
        self._executor.shutdown()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(config: ServerConfig) -> RunningServer:
    """Load the repository's models and listen; returns once requests are taken.

    Raises:
        CloudRuntimeError: the repository is not in order, or the address cannot be had.
    """
    models = load_processors(config.model_repository, threads=config.threads, device=config.device)
    return listen(models, config)


def listen(models: Mapping[str, Processor], config: ServerConfig) -> RunningServer:
    """Serve models that are loaded already.

    Raises:
        CloudRuntimeError: the address cannot be had.
    """
    executor = ThreadPoolExecutor(config.workers, thread_name_prefix="request")
    server = grpc.server(
        executor,
        handlers=[make_handler(InferenceServicer(models).behaviours)],
        options=[
            ("grpc.max_receive_message_length", config.max_message_mib * _MIB),
            ("grpc.max_send_message_length", -1),
            # On by default: a second server on the same port would then take half of the requests in silence.
            ("grpc.so_reuseport", 0),
        ],
    )
    port = _bind(server, config.listen)
    server.start()
    return RunningServer(server, executor, f"{config.host}:{port}", tuple(models))


def serve(config: ServerConfig) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests taken on. For the main thread of a process.

    Writes one line to standard output once requests are taken:
    ``listening on 127.0.0.1:8001, models: NAME, NAME``.

    Raises:
        CloudRuntimeError: as for start().
    """
    stopped = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stopped.set())
    running = start(config)
    sys.stdout.write(f"listening on {running.address}, models: {', '.join(running.models)}\n")
    sys.stdout.flush()
    stopped.wait()
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # who asks a second time does not want to wait
    _logger.info("stopping: finishing the requests taken on")
    running.stop()


def _bind(server: grpc.Server, address: str) -> int:
    _require_free(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise _unavailable(address) from error
    if port == 0:  # how some versions of grpcio report it
        raise _unavailable(address)
    return port


def _require_free(address: str) -> None:
    """Try the address by ourselves first: gRPC writes lines of its own to stderr where it fails.

    A name may stand for several addresses; as for gRPC, one is enough.
    """
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


def _unavailable(address: str) -> CloudRuntimeError:
    return CloudRuntimeError(
        f"Cannot listen on {address}: the port is taken, or the host is not one of this machine's. "
        "Choose another, or port 0 for any free one."
    )
