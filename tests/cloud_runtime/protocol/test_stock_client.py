"""The stock tritonclient against our server, and beside our own wire code in one process."""

import subprocess
import sys

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from phasekey import __version__


@pytest.fixture
def client(server):
    with triton.InferenceServerClient(server.address) as client:
        yield client


def infer(client, x, model="stamped", **options):
    tensor = triton.InferInput("x", x.shape, "FP32")
    tensor.set_data_from_numpy(x)
    return client.infer(model, [tensor], client_timeout=30, **options)


def test_it_is_live_and_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("stamped")
    assert client.is_model_ready("plain", "1")


def test_an_unknown_model_is_not_ready_and_not_found(client):
    assert not client.is_model_ready("nobody")
    with pytest.raises(InferenceServerException, match="'nobody' is not served here") as caught:
        client.get_model_metadata("nobody")
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def test_metadata(client):
    server = client.get_server_metadata()
    assert (server.name, server.version) == ("phasekey", __version__)
    model = client.get_model_metadata("stamped", as_json=True)
    assert model == {
        "name": "stamped",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": ["-1", "4", "5", "5"]}],
        "outputs": [{"name": "h", "datatype": "FP32", "shape": ["-1", "6", "3", "3"]}],
    }


@pytest.mark.parametrize("model", ["stamped", "plain"])
def test_inference_is_the_equation(client, convolution, x, model):
    result = infer(client, x, model, outputs=[triton.InferRequestedOutput("h")], request_id="id-7")
    np.testing.assert_allclose(result.as_numpy("h"), convolution.oracle(x), rtol=1e-5, atol=1e-5)
    response = result.get_response()
    assert (response.id, response.model_name, response.model_version) == ("id-7", model, "1")


def test_batches_up_to_the_largest_go_through(client, convolution, x):
    batch = np.tile(x, (4, 1, 1, 1))
    np.testing.assert_allclose(infer(client, batch).as_numpy("h"), convolution.oracle(batch), atol=1e-5)


BOTH = """
import numpy as np
def ours(address, x):
    import grpc
    from phasekey.wire import open_inference_pb2 as pb
    from phasekey.wire.service import unary_call
    from phasekey.wire.tensors import read_tensors, write_tensors
    request = pb.ModelInferRequest(model_name="stamped")
    write_tensors({"x": x}, request.inputs, request.raw_input_contents)
    with grpc.insecure_channel(address) as channel:
        response = unary_call(channel, "ModelInfer")(request, timeout=30)
    return read_tensors(response.outputs, response.raw_output_contents)["h"]
def theirs(address, x):
    import tritonclient.grpc as triton
    tensor = triton.InferInput("x", x.shape, "FP32")
    tensor.set_data_from_numpy(x)
    with triton.InferenceServerClient(address) as client:
        return client.infer("stamped", [tensor], client_timeout=30).as_numpy("h")
import sys
address, first, second = sys.argv[1:]
x = np.random.default_rng(3).standard_normal((2, 4, 5, 5)).astype(np.float32)
one, other = globals()[first](address, x), globals()[second](address, x)
assert one.shape == (2, 6, 3, 3) and np.array_equal(one, other)
assert not {"torch", "onnx"} & set(sys.modules)
"""


@pytest.mark.parametrize("order", [("ours", "theirs"), ("theirs", "ours")])
def test_our_wire_and_tritonclient_work_in_one_process(server, order):
    command = [sys.executable, "-c", BOTH, server.address, *order]
    subprocess.run(command, check=True, timeout=120)
