"""What goes wrong inside stays inside: neither the client nor the log sees an exception's text."""

import logging
import re

import grpc
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from cloud_runtime.serving.processor import Processor
from phasekey.graph_runtime import GraphError
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import write_tensors

SECRET = "angle 2.718281 of sample 5"


@pytest.fixture
def failing(repository, monkeypatch):
    """A running server whose models raise what it is told to: failing(error) → call."""
    config = ServerConfig(repository, listen="127.0.0.1:0")
    errors = []

    def process(self, inputs):
        raise errors[-1] from ValueError(SECRET)

    with (
        start(config) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        monkeypatch.setattr(Processor, "run", process)

        def call(error, x):
            errors.append(error)
            request = pb.ModelInferRequest(model_name="stamped")
            write_tensors({"x": x}, request.inputs, request.raw_input_contents)
            with pytest.raises(grpc.RpcError) as caught:
                unary_call(channel, "ModelInfer")(request, timeout=30)
            return caught.value

        yield call


@pytest.mark.parametrize("kind", [RuntimeError, GraphError, MemoryError, KeyError])
def test_unexpected_errors_are_internal_and_silent(failing, x, kind, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    status = failing(kind(SECRET), x)
    assert status.code() is grpc.StatusCode.INTERNAL
    said = re.fullmatch("internal error ([0-9a-f]{12})", status.details())
    heard = caplog.text + "".join(capfd.readouterr())
    assert SECRET not in heard + repr(status.trailing_metadata()) + status.debug_error_string()
    # So that it can be looked into:
    assert f"ModelInfer failed, incident {said[1]}: {kind.__name__} at test_statuses.py" in heard
    assert "caused by ValueError" in heard


def test_the_server_goes_on_after_an_error(failing, x):
    for _ in range(12):  # more often than it has workers
        assert failing(RuntimeError(SECRET), x).code() is grpc.StatusCode.INTERNAL


def test_logs_hold_no_values(server, x, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    x[0, 0, 0, 0] = 1234.5677
    request = pb.ModelInferRequest(model_name="stamped")
    write_tensors({"x": x}, request.inputs, request.raw_input_contents)
    with grpc.insecure_channel(server.address) as channel:
        unary_call(channel, "ModelInfer")(request, timeout=30)
        request.inputs[0].shape[0] = 1
        with pytest.raises(grpc.RpcError) as caught:
            unary_call(channel, "ModelInfer")(request, timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "1234" not in caplog.text + "".join(capfd.readouterr()) + caught.value.details()
