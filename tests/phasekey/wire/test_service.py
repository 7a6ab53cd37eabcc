from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import METHODS, unary_call


class _PublicServicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A server of the public protocol that shares no code with ours."""

    def ModelReady(self, request, context):  # noqa: N802 - the public name
        return service_pb2.ModelReadyResponse(ready=request.name == "known")

    def ServerMetadata(self, request, context):  # noqa: N802 - the public name
        return service_pb2.ServerMetadataResponse(name="other", version="9", extensions=["a", "b"])


@pytest.fixture
def channel():
    server = grpc.server(ThreadPoolExecutor(1))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_PublicServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(None).wait()


def test_a_public_server_understands_our_calls(channel):
    ready = unary_call(channel, "ModelReady")
    assert ready(pb.ModelReadyRequest(name="known"), timeout=10).ready
    assert not ready(pb.ModelReadyRequest(name="other"), timeout=10).ready
    metadata = unary_call(channel, "ServerMetadata")(pb.ServerMetadataRequest(), timeout=10)
    assert (metadata.name, metadata.version, list(metadata.extensions)) == ("other", "9", ["a", "b"])


def test_the_table_holds_the_protocol_and_tritons_extensions_under_public_paths():
    public = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name
    left_out = {"TraceSetting", "LogSettings"} | {name for name in public if "SharedMemory" in name}
    assert set(METHODS) == set(public) - left_out
    for name, method in METHODS.items():
        assert method.path == f"/inference.GRPCInferenceService/{name}"
        assert method.request.DESCRIPTOR.name == public[name].input_type.name
        assert method.response.DESCRIPTOR.name == public[name].output_type.name
        assert method.streams == public[name].client_streaming == public[name].server_streaming


@pytest.mark.parametrize("name", ["Nothing", "ModelStreamInfer"])
def test_an_unknown_or_streaming_method_is_a_key_error(channel, name):
    with pytest.raises(KeyError):
        unary_call(channel, name)
