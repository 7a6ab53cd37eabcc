import threading

import grpc
import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.server import start
from cloud_runtime.serving.processor import Processor
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import read_tensors, write_tensors


def request(x):
    message = pb.ModelInferRequest(model_name="stamped")
    write_tensors({"x": x}, message.inputs, message.raw_input_contents)
    return message


def test_a_port_is_picked(server):
    host, _, port = server.address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    assert server.models == ("plain", "stamped")


def test_two_servers_cannot_share_a_port(server, repository):
    with pytest.raises(CloudRuntimeError, match=f"Cannot listen on {server.address}: the port is taken"):
        start(ServerConfig(repository, listen=server.address))


def test_a_host_of_others_cannot_be_had(repository):
    with pytest.raises(CloudRuntimeError, match="or the host is not one of this machine's"):
        start(ServerConfig(repository, listen="192.0.2.1:0", insecure=True))


def test_many_clients_at_once_each_get_their_own(server, convolution):
    batches = np.random.default_rng(5).standard_normal((32, 1, 4, 5, 5)).astype(np.float32)
    with grpc.insecure_channel(server.address) as channel:
        call = unary_call(channel, "ModelInfer")
        answers = [call.future(request(x), timeout=60) for x in batches]
        for x, answer in zip(batches, answers, strict=True):
            response = answer.result()
            h = read_tensors(response.outputs, response.raw_output_contents)["h"]
            np.testing.assert_allclose(h, convolution.oracle(x), atol=1e-5)


def test_stopping_finishes_what_was_taken_on_and_takes_no_more(repository, convolution, x, monkeypatch):
    entered, go = threading.Event(), threading.Event()
    run = Processor.run

    def wait_and_run(self, inputs):
        entered.set()
        assert go.wait(60)
        return run(self, inputs)

    running = start(ServerConfig(repository, listen="127.0.0.1:0"))
    monkeypatch.setattr(Processor, "run", wait_and_run)
    with grpc.insecure_channel(running.address) as channel:
        answer = unary_call(channel, "ModelInfer").future(request(x), timeout=60)
        assert entered.wait(60)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        _wait_until_refused(running.address)
        assert not answer.done()
        go.set()
        response = answer.result()
    stopping.join(60)
    assert not stopping.is_alive()
    h = read_tensors(response.outputs, response.raw_output_contents)["h"]
    np.testing.assert_allclose(h, convolution.oracle(x), atol=1e-5)


def _wait_until_refused(address):
    for _ in range(1000):
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
            unary_call(channel, "ModelInfer")(pb.ModelInferRequest(), timeout=30)
        if caught.value.code() is not grpc.StatusCode.NOT_FOUND:  # stopping by now
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            return
    pytest.fail("a stopping server went on taking requests")
