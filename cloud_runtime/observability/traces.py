"""Traces by OpenTelemetry, optional: one span for each inference, with its stages. Never a payload.

A caller's trace goes on here where it sent W3C trace context. Where spans go, OpenTelemetry's own variables
say (OTEL_EXPORTER_OTLP_ENDPOINT and so on).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

from cloud_runtime.serving.statistics import Timing
from phasekey.command import require_extra


class Caller(Protocol):
    """Where the headers of a call are."""

    def invocation_metadata(self) -> Any: ...


class Span(Protocol):
    """One inference under way."""

    def finish(self, samples: int, timing: Timing) -> None:
        """End it: how many samples it had and how long its stages took."""
        ...

    def fail(self, error: Exception) -> None:
        """End it with an error, of which the type alone is told."""
        ...


class Tracer(Protocol):
    """Opens spans."""

    def request(self, context: Caller, model: str, version: str) -> Span:
        """Open the span of one inference; it may end on another thread."""
        ...

    def stop(self) -> None:
        """Send what has not been sent."""
        ...


class NoTracer:
    """Traces nothing, at no cost."""

    def request(self, *_: object) -> NoTracer:
        """Return itself."""
        return self

    def finish(self, *_: object) -> None:
        """Pass over it."""

    def fail(self, _: Exception) -> None:
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

    def request(self, context: Caller, model: str, version: str) -> Span:
        """Open a span, within the caller's trace where there is one."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        attributes = {"rpc.system": "grpc", "phasekey.model": model, "phasekey.version": version}
        return _Span(
            self._tracer.start_span(
                "ModelInfer", context=extract(headers), kind=SpanKind.SERVER, attributes=attributes
            )
        )

    def stop(self) -> None:
        """Send what has not been sent, and end."""
        self._provider.shutdown()


class _Span:
    def __init__(self, span: Any) -> None:
        self._span = span

    def finish(self, samples: int, timing: Timing) -> None:
        self._span.set_attribute("phasekey.samples", samples)
        for stage, nanoseconds in asdict(timing).items():
            self._span.set_attribute(f"phasekey.{stage}_us", nanoseconds / 1000)
        self._span.end()

    def fail(self, error: Exception) -> None:
        """Its text may quote the request, so it goes nowhere."""
        from opentelemetry.trace import Status, StatusCode

        self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attribute("error.type", type(error).__name__)
        self._span.end()


def _otlp_provider() -> Any:
    require_extra("tracing", "tracing", ["opentelemetry.exporter.otlp.proto.grpc"])
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "phasekey"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
