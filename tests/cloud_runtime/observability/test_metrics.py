"""Metrics as Prometheus's own parser reads them, against what was sent."""

from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import write_tensors

TRITONS = (
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_request_duration_us",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
    "nv_inference_pending_request_count",
)


@pytest.fixture
def scrape(repository):
    """A server after three good requests and two bad ones: scrape() → {(name, labels): value}."""
    with start(ServerConfig(repository, listen="127.0.0.1:0", http="127.0.0.1:0")) as server:
        with grpc.insecure_channel(server.address) as channel:
            for shape in ((2, 4, 5, 5), (2, 4, 5, 5), (2, 4, 5, 5), (2, 4, 5, 6)):
                message = pb.ModelInferRequest(model_name="stamped")
                arrays = {"x": np.full(shape, 1234.5, np.float32)}
                write_tensors(arrays, message.inputs, message.raw_input_contents)
                call = unary_call(channel, "ModelInfer").future(message, timeout=30)
                assert (call.exception() is None) == (shape[-1] == 5)
            message.model_name = "a name that a client made up"
            assert unary_call(channel, "ModelInfer").future(message, timeout=30).exception()

        def read():
            with urlopen(f"http://{server.http_address}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            assert "1234.5" not in text
            assert "made up" not in text
            return {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }

        yield read


def test_tritons_names_are_all_there_with_what_was_served(scrape):
    values = scrape()
    assert set(TRITONS) <= {name for name, _ in values}
    of = lambda name, **labels: values[  # noqa: E731
        name, tuple(sorted({"model": "stamped", "version": "1", **labels}.items()))
    ]
    assert of("nv_inference_request_success") == 3
    assert of("nv_inference_request_failure", reason="OTHER") == 1
    assert of("nv_inference_request_failure", reason="REJECTED") == 0
    assert of("nv_inference_count") == 6
    assert of("nv_inference_exec_count") == 3
    assert of("nv_inference_pending_request_count") == 0
    assert of("phasekey_batch_size_bucket", le="1") == 0
    assert of("phasekey_batch_size_bucket", le="2") == 3
    assert of("phasekey_batch_size_sum") == 6
    parts = [of(f"nv_inference_{part}_duration_us") for part in ("queue", "compute_infer", "compute_output")]
    assert 0 < sum(parts) <= of("nv_inference_request_duration_us")
    assert values["phasekey_grpc_refused_total", (("code", "NOT_FOUND"), ("method", "ModelInfer"))] == 1


def test_the_process_is_measured_too(scrape):
    assert ("process_resident_memory_bytes", ()) in scrape()
