"""Spans as OpenTelemetry's own exporter gets them."""

import grpc
import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from cloud_runtime.config import ServerConfig
from cloud_runtime.observability.traces import OpenTelemetryTracer
from cloud_runtime.server import start
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import write_tensors

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans(repository):
    """What one good and one bad request, within a caller's trace, leave behind."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    config = ServerConfig(repository, listen="127.0.0.1:0")
    with (
        start(config, tracer=OpenTelemetryTracer(provider)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        for shape in ((2, 4, 5, 5), (2, 4, 5, 6)):
            message = pb.ModelInferRequest(model_name="stamped")
            arrays = {"x": np.full(shape, 1234.5, np.float32)}
            write_tensors(arrays, message.inputs, message.raw_input_contents)
            call = unary_call(channel, "ModelInfer")
            call.future(
                message, timeout=30, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")]
            ).exception()
    return exporter.get_finished_spans()


def test_a_request_is_a_span_of_the_callers_trace_with_its_stages(spans):
    good, bad = spans
    assert f"{good.context.trace_id:032x}" == TRACE
    assert f"{good.parent.span_id:016x}" == PARENT
    assert good.attributes["phasekey.model"] == "stamped"
    assert good.attributes["phasekey.samples"] == 2
    assert good.attributes["phasekey.compute_infer_us"] > 0
    assert bad.status.status_code is StatusCode.ERROR
    assert bad.attributes["error.type"] == "InvalidInputError"


def test_spans_hold_no_payload_and_no_exceptions_text(spans):
    for span in spans:
        assert not span.events
        assert "1234" not in span.to_json()
        assert "came" not in span.to_json()
