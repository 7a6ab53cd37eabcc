"""The HTTP port: health for probes that speak no gRPC or no mutual TLS, and metrics."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import ClassVar

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.lifecycle import Lifecycle

_SECONDS = 5.0  # that a client may take with its request


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over clients that went away: there is nothing to do about it."""


class HttpPort:
    """Serves ``/v2/health/live``, ``/v2/health/ready`` and ``/metrics`` on threads of its own.

    Attributes:
        address: HOST:PORT as bound.

    Raises:
        CloudRuntimeError: the address cannot be had.
    """

    def __init__(self, address: str, lifecycle: Lifecycle, registry: CollectorRegistry) -> None:
        host, _, port = address.rpartition(":")
        handler = type("Handler", (_Handler,), {"lifecycle": lifecycle, "registry": registry})
        server = type("Server", (_Server,), {"address_family": AF_INET6 if "[" in host else AF_INET})
        try:
            self._server: ThreadingHTTPServer = server((host.strip("[]"), int(port)), handler)
        except OSError as error:
            raise CloudRuntimeError(f"Cannot listen on {address} for HTTP: {error.strerror}.") from error
        self.address = f"{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    lifecycle: ClassVar[Lifecycle]
    registry: ClassVar[CollectorRegistry]
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self.registry), CONTENT_TYPE_LATEST)
        elif self.path == "/v2/health/live":
            self._answer(HTTPStatus.OK)
        elif self.path == "/v2/health/ready":
            self._answer(HTTPStatus.OK if self.lifecycle.ready else HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: object) -> None:
        """Log nothing: probes come every few seconds."""

    def version_string(self) -> str:
        """Say no versions to strangers."""
        return "phasekey"

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
