"""Traces by OpenTelemetry, optional: one span for each inference, with its stages. Never a payload.

A caller's trace goes on here where it sent W3C trace context. Where spans go, OpenTelemetry's own variables
say (OTEL_EXPORTER_OTLP_ENDPOINT and so on).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import grpc

from cloud_runtime.serving.statistics import Timing
from phasekey.command import require_extra


class Span(Protocol):
    """One inference under way."""

    def finish(self, samples: int, timing: Timing) -> None:
        """Note how many samples it had and how long its stages took."""
        ...


class Tracer(Protocol):
    """Opens spans."""

    def request(self, context: grpc.ServicerContext, model: str, version: str) -> Any:
        """Open the span of one inference, as a context manager."""
        ...

    def stop(self) -> None:
        """Send what has not been sent."""
        ...


class NoTracer:
    """Traces nothing, at no cost."""

    def __enter__(self) -> NoTracer:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def request(self, *_: object) -> NoTracer:
        """Return itself."""
        return self

    def finish(self, *_: object) -> None:
        """Pass over it."""

    def stop(self) -> None:
        """Have nothing to send."""


class OpenTelemetryTracer:
    """Sends spans by OTLP, or to a provider that was made elsewhere.

    Args:
        provider: an OpenTelemetry tracer provider; None makes one that exports by OTLP over gRPC.

    Raises:
        PhasekeyError: the packages of the tracing extra are missing.
    """

    def __init__(self, provider: Any = None) -> None:
        require_extra("tracing", "tracing", ["opentelemetry", "opentelemetry.sdk"])
        self._provider = _otlp_provider() if provider is None else provider
        self._tracer = self._provider.get_tracer("phasekey.cloud_runtime")

    @contextmanager
    def request(self, context: grpc.ServicerContext, model: str, version: str) -> Iterator[Span]:
        """Open a span, within the caller's trace where there is one."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, Status, StatusCode

        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        attributes = {"rpc.system": "grpc", "phasekey.model": model, "phasekey.version": version}
        with self._tracer.start_as_current_span(
            "ModelInfer",
            context=extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # its text may quote the request
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Span(span)
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", type(error).__name__)
                raise

    def stop(self) -> None:
        """Send what has not been sent, and end."""
        self._provider.shutdown()


class _Span:
    def __init__(self, span: Any) -> None:
        self._span = span

    def finish(self, samples: int, timing: Timing) -> None:
        self._span.set_attribute("phasekey.samples", samples)
        for stage, nanoseconds in vars(timing).items():
            self._span.set_attribute(f"phasekey.{stage}_us", nanoseconds / 1000)


def _otlp_provider() -> Any:
    require_extra("tracing", "tracing", ["opentelemetry.exporter.otlp.proto.grpc"])
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "phasekey"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
