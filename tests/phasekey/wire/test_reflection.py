"""What server reflection shows, asked as grpcurl asks: by name, over the wire, from an empty pool."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2 as public

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.reflection import public_pool
from phasekey.wire.service import METHODS, SERVICE

HEALTH = "grpc.health.v1.Health"


@pytest.fixture
def remote():
    """A descriptor database that asks a server on loopback for all it knows."""
    server = grpc.server(ThreadPoolExecutor(2))
    names = (SERVICE, HEALTH, reflection.SERVICE_NAME)
    pool = public_pool(health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)
    reflection.enable_server_reflection(names, server, pool=pool)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield ProtoReflectionDescriptorDatabase(channel)
    server.stop(None).wait()


def test_the_service_is_described_under_its_public_name(remote):
    assert set(remote.get_services()) >= {SERVICE, HEALTH}
    pool = DescriptorPool(remote)
    service = pool.FindServiceByName(SERVICE)
    found = {
        method.name: (method.input_type.full_name, method.output_type.full_name, method.client_streaming)
        for method in service.methods
    }
    assert found == {
        name: (
            f"inference.{method.request.DESCRIPTOR.name}",
            f"inference.{method.response.DESCRIPTOR.name}",
            method.streams,
        )
        for name, method in METHODS.items()
    }
    assert pool.FindServiceByName(HEALTH).methods_by_name["Check"].input_type.name == "HealthCheckRequest"


def test_the_methods_are_those_of_triton():
    theirs = public.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name
    for method in public_pool().FindServiceByName(SERVICE).methods:
        other = theirs[method.name]
        assert method.input_type.full_name == other.input_type.full_name
        assert method.output_type.full_name == other.output_type.full_name
        assert (method.client_streaming, method.server_streaming) == (
            other.client_streaming,
            other.server_streaming,
        )


def test_a_message_made_from_what_was_learnt_is_ours_on_the_wire(remote):
    learnt = DescriptorPool(remote).FindMessageTypeByName("inference.ModelInferRequest")
    message = message_factory.GetMessageClass(learnt)(model_name="m", raw_input_contents=[b"\1"])
    message.inputs.add(name="x", datatype="FP32", shape=[1]).parameters["p"].bool_param = True
    ours = pb.ModelInferRequest.FromString(message.SerializeToString())
    assert (ours.model_name, ours.inputs[0].parameters["p"].bool_param) == ("m", True)
    assert not ours.DESCRIPTOR.full_name.startswith("inference.")


def test_no_private_name_shows():
    pool = public_pool()
    for name in ("service", "open_inference", "model_config", "triton_extensions"):
        assert b"phasekey" not in pool.FindFileByName(f"inference/{name}.proto").serialized_pb
