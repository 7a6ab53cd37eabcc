"""Triton's extensions, health and reflection, by stock clients: tritonclient (sync and aio), gRPC's own."""

import asyncio
import queue
import time

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf import text_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start


@pytest.fixture
def client(server):
    with triton.InferenceServerClient(server.address) as client:
        yield client


def tensor(x):
    made = triton.InferInput("x", x.shape, "FP32")
    made.set_data_from_numpy(x)
    return made


def test_a_stream_answers_in_order_and_goes_on_after_an_error(client, convolution, x):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for model, batch, request_id in (("stamped", x, "1"), ("nobody", x, "2"), ("plain", x[:1], "3")):
        client.async_stream_infer(model, [tensor(batch)], request_id=request_id)
    first, missing, last = (answers.get(timeout=30) for _ in range(3))
    client.stop_stream()
    np.testing.assert_allclose(first[0].as_numpy("h"), convolution.oracle(x), atol=1e-5)
    assert "'nobody' is not served here" in str(missing[1])
    np.testing.assert_allclose(last[0].as_numpy("h"), convolution.oracle(x[:1]), atol=1e-5)
    assert [first[0].get_response().id, last[0].get_response().id] == ["1", "3"]


def test_a_stream_may_want_its_errors_as_statuses(client, x):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put(error), headers={"triton_grpc_error": "true"})
    client.async_stream_infer("nobody", [tensor(x)])
    error = answers.get(timeout=30)
    assert error.status() == "StatusCode.NOT_FOUND"
    client.stop_stream()


def test_the_asynchronous_client_works_unchanged(server, convolution, x):
    async def ask():
        async with triton_aio.InferenceServerClient(server.address) as client:
            assert await client.is_server_live()
            assert await client.is_model_ready("stamped")
            many = await asyncio.gather(*(client.infer("stamped", [tensor(x + i)]) for i in range(8)))
            return [result.as_numpy("h") for result in many]

    for i, h in enumerate(asyncio.run(ask())):
        np.testing.assert_allclose(h, convolution.oracle(x + np.float32(i)), atol=1e-4)


def test_the_configuration_is_given_complete(client):
    config = client.get_model_config("plain").config
    expected = text_format.Parse(
        """
        name: "plain" platform: "onnxruntime_onnx" max_batch_size: 8
        input { name: "x" data_type: TYPE_FP32 dims: [ 4, 5, 5 ] }
        output { name: "h" data_type: TYPE_FP32 dims: [ 6, 3, 3 ] }
        instance_group [ { count: 2 kind: KIND_CPU } ]
        """,
        model_config_pb2.ModelConfig(),
    )
    assert config == expected


def test_statistics_count_what_was_served(server, x):
    with triton.InferenceServerClient(server.address) as client:

        def read():
            (statistics,) = client.get_inference_statistics("stamped").model_stats
            return statistics

        before = read()
        for _ in range(3):
            client.infer("stamped", [tensor(x)])
        with pytest.raises(InferenceServerException):
            client.infer("stamped", [tensor(x[:, :3])])
        after = read()
    done, earlier = after.inference_stats, before.inference_stats
    assert after.inference_count - before.inference_count == 6
    assert 1 <= after.execution_count - before.execution_count <= 3
    assert done.success.count - earlier.success.count == 3
    assert done.fail.count - earlier.fail.count == 1
    assert abs(after.last_inference / 1000 - time.time()) < 60
    stages = ("queue", "compute_input", "compute_infer", "compute_output")
    spent = [getattr(done, stage).ns - getattr(earlier, stage).ns for stage in stages]
    assert 0 < sum(spent) <= done.success.ns - earlier.success.ns
    (batch,) = [entry for entry in after.batch_stats if entry.batch_size == 2]
    assert batch.compute_infer.count >= 1


@pytest.fixture
def explicit(tmp_path, write_model, stamped, plain):
    """A server that loads on request, and its client."""
    write_model(tmp_path, "one", plain)
    write_model(tmp_path, "other", plain)
    config = ServerConfig(tmp_path, listen="127.0.0.1:0", model_control="explicit", load_model=("one",))
    with start(config) as running, triton.InferenceServerClient(running.address) as client:
        yield client


def test_models_come_and_go(explicit, x, tmp_path):
    states = lambda: {m.name: m.state for m in explicit.get_model_repository_index().models}  # noqa: E731
    assert states() == {"one": "READY", "other": ""}
    explicit.load_model("other")
    explicit.infer("other", [tensor(x)])
    explicit.unload_model("one")
    assert states() == {"one": "UNAVAILABLE", "other": "READY"}
    assert not explicit.is_model_ready("one")
    with pytest.raises(InferenceServerException) as caught:
        explicit.infer("one", [tensor(x)])
    assert caught.value.status() == "StatusCode.NOT_FOUND"
    with pytest.raises(InferenceServerException) as caught:
        explicit.load_model("nobody")
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def test_a_load_that_fails_tells_the_client_no_paths(explicit, x, tmp_path, caplog):
    (tmp_path / "other" / "1" / "model.onnx").write_bytes(b"half a fi")
    with pytest.raises(InferenceServerException) as caught:
        explicit.load_model("other")
    assert caught.value.status() == "StatusCode.UNAVAILABLE"
    assert str(tmp_path) not in str(caught.value) + str(explicit.get_model_repository_index())
    assert str(tmp_path) in caplog.text
    explicit.infer("one", [tensor(x)])


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService"])
def test_stock_health_checks_follow_the_server(repository, service):
    running = start(ServerConfig(repository, listen="127.0.0.1:0"))
    with grpc.insecure_channel(running.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=60)
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30).status == 1
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        running.drain()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=30)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watch.cancel()
    running.stop(0)


def test_reflection_shows_the_service_as_grpcurl_asks_for_it(server, x):
    """List, describe, and call with messages made of nothing but what reflection tells."""
    with grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        (listed,) = stub.ServerReflectionInfo(asked, timeout=30)
        names = {service.name for service in listed.list_services_response.service}
        assert names >= {"inference.GRPCInferenceService", "grpc.health.v1.Health"}
        database = ProtoReflectionDescriptorDatabase(channel)
        service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
        method = service.methods_by_name["ModelMetadata"]
        request = GetMessageClass(method.input_type)(name="stamped")
        call = channel.unary_unary(
            f"/{service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        assert call(request, timeout=30).inputs[0].name == "x"
        assert service.methods_by_name["ModelStreamInfer"].client_streaming
