"""Tokens, limits and operators, over real connections."""

import grpc
import pytest

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.safety.clients import Clients
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.service import METHODS, unary_call

DEVICE, OPERATOR = "device-token-0123456789", "operator-token-987654321"
_Code = grpc.StatusCode


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# who may ask\ndevices {DEVICE}\nops {OPERATOR} operator   # may load\n")
    return path


def outcome(channel, method, request, token=None, scheme="Bearer"):
    """The status code of one call."""
    metadata = [("authorization", f"{scheme} {token}")] if token else []
    try:
        unary_call(channel, method)(request, timeout=30, metadata=metadata)
    except grpc.RpcError as error:
        return error.code()
    return _Code.OK


@pytest.mark.parametrize(
    ("token", "scheme", "code"),
    [
        (DEVICE, "Bearer", _Code.NOT_FOUND),  # let in, and there is no such model
        (OPERATOR, "Bearer", _Code.NOT_FOUND),
        (None, "Bearer", _Code.UNAUTHENTICATED),
        ("device-token-012345678", "Bearer", _Code.UNAUTHENTICATED),
        (DEVICE, "Basic", _Code.UNAUTHENTICATED),
    ],
)
def test_a_token_opens_the_door(start_server, token_file, token, scheme, code):
    server = start_server(token_file=token_file)
    with grpc.insecure_channel(server.address) as channel:
        assert (
            outcome(channel, "ModelInfer", pb.ModelInferRequest(model_name="nobody"), token, scheme) is code
        )
        assert (
            outcome(channel, "ModelMetadata", pb.ModelMetadataRequest(name="nobody"), token, scheme) is code
        )


def test_every_method_wants_the_token(start_server, token_file):
    server = start_server(token_file=token_file)
    with grpc.insecure_channel(server.address) as channel:
        for method in METHODS.values():
            if not method.streams:
                assert outcome(channel, method.name, method.request()) is _Code.UNAUTHENTICATED, method.name


def test_only_operators_load(start_server, token_file):
    server = start_server(token_file=token_file, model_control="explicit")
    request = triton.RepositoryModelLoadRequest(model_name="plain")
    with grpc.insecure_channel(server.address) as channel:
        assert outcome(channel, "RepositoryModelLoad", request, DEVICE) is _Code.PERMISSION_DENIED
        assert outcome(channel, "RepositoryModelLoad", request, OPERATOR) is _Code.OK
    assert server.models == ("plain",)


def test_nobody_loads_where_control_is_not_explicit(start_server):
    server = start_server()
    with grpc.insecure_channel(server.address) as channel:
        request = triton.RepositoryModelUnloadRequest(model_name="plain")
        assert outcome(channel, "RepositoryModelUnload", request) is _Code.UNAVAILABLE
    assert server.models == ("plain", "stamped")


def test_a_rate_is_a_clients_own(start_server, token_file):
    server = start_server(token_file=token_file, client_rate=2)
    request = pb.ModelInferRequest(model_name="nobody")
    with grpc.insecure_channel(server.address) as channel:
        codes = [outcome(channel, "ModelInfer", request, DEVICE) for _ in range(20)]
        assert codes[:2] == [_Code.NOT_FOUND] * 2
        assert _Code.RESOURCE_EXHAUSTED in codes
        assert outcome(channel, "ModelInfer", request, OPERATOR) is _Code.NOT_FOUND


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no token"),
        ("name", "line 1: expected NAME TOKEN"),
        ("# fine\nname short", "line 2"),
        (f"name {DEVICE} admin", "line 1"),
    ],
)
def test_a_file_of_tokens_that_makes_no_sense(tmp_path, text, said):
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(CloudRuntimeError, match=said) as caught:
        Clients(tmp_path / "tokens")
    assert DEVICE not in str(caught.value)


def test_tokens_show_nowhere(start_server, token_file, caplog, capfd):
    caplog.set_level("DEBUG")
    server = start_server(token_file=token_file, http="127.0.0.1:0")
    with grpc.insecure_channel(server.address) as channel:
        outcome(channel, "ModelInfer", pb.ModelInferRequest(model_name="nobody"), DEVICE)
        outcome(channel, "ModelInfer", pb.ModelInferRequest(model_name="nobody"), DEVICE + "x")
    from urllib.request import urlopen

    metrics = urlopen(f"http://{server.http_address}/metrics", timeout=30).read().decode()
    assert DEVICE not in metrics + caplog.text + "".join(capfd.readouterr())
    assert DEVICE not in repr(Clients(token_file)._file.value())
