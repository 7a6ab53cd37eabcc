import grpc
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.server import start
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call


def test_a_unix_socket_serves_and_is_not_taken_over(repository, tmp_path):
    config = ServerConfig(repository, listen=f"unix:{tmp_path}/s")
    with start(config) as server, grpc.insecure_channel(server.address) as channel:
        assert unary_call(channel, "ServerReady")(pb.ServerReadyRequest(), timeout=30).ready
        with pytest.raises(CloudRuntimeError, match="Cannot listen on unix:"):
            start(config)
    with start(config):  # what a former server left behind is no hindrance
        pass
