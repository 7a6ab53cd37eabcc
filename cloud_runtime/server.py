"""The server: its parts put together, listening, and stopping without losing what it has taken on."""

from __future__ import annotations

import time
from types import TracebackType

import grpc

from cloud_runtime.config import ServerConfig
from cloud_runtime.lifecycle import Lifecycle
from cloud_runtime.observability.metrics import ServingCollector, make_registry
from cloud_runtime.observability.traces import NoTracer, OpenTelemetryTracer, Tracer
from cloud_runtime.protocol.binding import bind
from cloud_runtime.protocol.control import ControlService
from cloud_runtime.protocol.handlers import Threads, make_handler
from cloud_runtime.protocol.health import make_health_handler, make_reflection_handler
from cloud_runtime.protocol.http import HttpPort
from cloud_runtime.protocol.inference import InferenceService
from cloud_runtime.protocol.rpc import RpcPort
from cloud_runtime.protocol.statuses import Refusals
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.safety.clients import Clients
from cloud_runtime.safety.tls import server_credentials
from cloud_runtime.serving.admission import Admission, Limits
from cloud_runtime.serving.processor import RunOptions
from cloud_runtime.serving.readers import Readers
from cloud_runtime.serving.turns import TurnQueue
from phasekey.wire.service import METHODS

_MIB = 1024 * 1024
_DEFAULT_MESSAGE = 64 * _MIB  # where a model's shapes leave sizes open
_HEADER = 64 * 1024  # names, shapes and parameters around the tensors
_READING = 32 * _MIB  # bytes of messages that may be on their way from gRPC to us at a time
_READERS = (4, 32)  # at least, at most
_STREAMS = 1024  # of one connection; beyond them gRPC itself refuses, with UNAVAILABLE
# Bytes of a message that come before anybody asks for them: a sample that fits into it whole is spared a
# round trip. At 65 kB a sample, gRPC's 64 KiB cost a tenth of the requests a second, 128 KiB one in thirty.
_WINDOW = 256 * 1024
_LINGER = 0.2  # seconds
_GRACE = 1.0  # seconds for gRPC's own goodbyes; no request is under way by then


class RunningServer:
    """A server that listens. A context manager: leaving it stops the server.

    Attributes:
        address: HOST:PORT as bound, so with the port that was picked where 0 was asked for; or unix:/PATH.
        http_address: likewise for HTTP; None where it was not asked for.
    """

    def __init__(self, config: ServerConfig, repository: ModelRepository, tracer: Tracer) -> None:
        """Put the parts together and listen; see start()."""
        self._config, self._repository, self._tracer = config, repository, tracer
        self._lifecycle, refusals = Lifecycle(), Refusals()
        limit = _message_limit(config, repository)
        repository.largest_request = limit
        credentials = server_credentials(config)
        clients = Clients(config.token_file, certificates=config.tls_client_ca is not None)
        self._admission = Admission(_limits(config, limit))
        self._readers = Readers(min(max(_READING // limit, _READERS[0]), _READERS[1]), config.read_timeout)
        self._queue = TurnQueue(config.workers)
        self._inference = InferenceService(
            repository,
            self._queue,
            self._admission,
            self._readers,
            clients,
            refusals,
            tracer,
        )
        control = ControlService(repository, self._lifecycle, explicit=config.model_control == "explicit")
        self._threads = Threads()
        self._server = grpc.server(
            self._threads.control,
            handlers=[
                make_handler(self._inference, control, clients, refusals, self._threads),
                make_health_handler(self._lifecycle, self._threads.control),
                make_reflection_handler(self._threads.operator),
            ],
            options=_options(config, limit),
        )
        self._port = RpcPort(self._server, METHODS["ModelInfer"].path, self._inference.infer, self._queue)
        self.address = bind(self._server, config.listen, credentials)
        self._http = self._open_http(ServingCollector(repository.statistics, self._admission, refusals))
        self._server.start()
        self._port.open(config.workers)
        self._lifecycle.set_ready(True)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models served."""
        return self._repository.names

    @property
    def http_address(self) -> str | None:
        """HOST:PORT of the HTTP port as bound; None where it was not asked for."""
        return self._http.address if self._http else None

    def drain(self, grace: float | None = None) -> bool:
        """Say `not ready`, wait for balancers to notice, refuse new requests, and finish those taken on.

        Args:
            grace: seconds to finish them in; None for what the settings say.

        Returns:
            True where all of them finished in time.
        """
        self._lifecycle.set_ready(False)
        time.sleep(self._config.drain_delay)
        self._admission.close()
        return self._admission.wait_until_empty(self._config.drain_timeout if grace is None else grace)

    def leave(self) -> None:
        """End what a process has to end in order, after drain(); the kernel closes the rest.

        ``grpc.Server.stop()`` answers CANCELLED to what arrives while it stops. A connection that closes is
        UNAVAILABLE to its clients, which is what they may retry. So a process says UNAVAILABLE a moment
        longer, until the network has delivered the last answers, and goes.
        """
        time.sleep(_LINGER)
        self._tracer.stop()

    def stop(self, grace: float | None = None) -> None:
        """Drain, and stop listening; what is not done by then is cut off.

        Args:
            grace: as for drain().
        """
        finished = self.drain(grace)
        self._server.stop(_GRACE if finished else 0).wait()
        self._port.close()
        if self._http:
            self._http.stop()
        self._readers.stop()
        self._queue.stop()
        self._inference.stop()
        self._threads.stop()
        self._tracer.stop()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_http(self, collector: ServingCollector) -> HttpPort | None:
        if self._config.http is None:
            return None
        return HttpPort(self._config.http, self._lifecycle, make_registry(collector))


def start(config: ServerConfig, *, tracer: Tracer | None = None) -> RunningServer:
    """Load the repository's models, warm them up and listen; returns once requests are taken.

    Args:
        config: the server's settings.
        tracer: where spans go; by default what ``config.tracing`` says.

    Raises:
        CloudRuntimeError: the repository is not in order, or an address cannot be had.
    """
    tracer = tracer or (OpenTelemetryTracer() if config.tracing else NoTracer())
    repository = ModelRepository(config.model_repository, _run_options(config))
    if config.model_control == "none":
        repository.load_all()
    for name in config.load_model:
        repository.load(name)
    return RunningServer(config, repository, tracer)


def _run_options(config: ServerConfig) -> RunOptions:
    return RunOptions(
        threads=config.threads,
        device=config.device,
        cuda_graphs=config.cuda_graphs,
        slice_samples=config.slice_samples if config.device == "cpu" else 0,
    )


def _message_limit(config: ServerConfig, repository: ModelRepository) -> int:
    """Give the largest request in bytes: what the models' shapes need, where they tell."""
    if config.max_message_mib is not None:
        return config.max_message_mib * _MIB
    sizes = [model.signature.largest_request() for model in repository.processors]
    if not sizes or None in sizes or config.model_control == "explicit":
        return max([_DEFAULT_MESSAGE, *(size + _HEADER for size in sizes if size)])
    return max(size for size in sizes if size is not None) + _HEADER


def _limits(config: ServerConfig, message: int) -> Limits:
    total, share = config.max_queue_mib * _MIB, config.client_share
    return Limits(
        requests=config.max_queue_requests,
        bytes=max(total, 2 * message),
        client_requests=max(1, int(config.max_queue_requests * share)),
        client_bytes=max(int(total * share), message),
        client_rate=config.client_rate,
    )


def _options(config: ServerConfig, limit: int) -> list[tuple[str, int]]:
    options = {
        "grpc.max_receive_message_length": limit,
        "grpc.max_send_message_length": -1,
        # On by default: a second server on the same port would then take half of the requests in silence.
        "grpc.so_reuseport": 0,
        # Unread calls stand in a line: what bounds that line is what one connection may open.
        "grpc.max_concurrent_streams": _STREAMS,
        # A window that grows with the bandwidth holds megabytes of each call that nobody reads yet.
        "grpc.http2.bdp_probe": 0,
        "grpc.http2.lookahead_bytes": _WINDOW,
        "grpc.keepalive_time_ms": int(config.keepalive * 1000),
        "grpc.keepalive_timeout_ms": int(config.keepalive * 500),
        "grpc.http2.min_ping_interval_without_data_ms": 10_000,  # what clients may ask of us in their turn
        "grpc.keepalive_permit_without_calls": 1,
    }
    if config.max_connection_age:
        options["grpc.max_connection_age_ms"] = int(config.max_connection_age * 1000)
    return list(options.items())
