"""Requests that a stock client would not send, over a real connection."""

import contextlib
import gc
import threading
import time

import grpc
import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.protocol.inference import Inference
from cloud_runtime.protocol.rpc import Rpc
from cloud_runtime.server import start
from cloud_runtime.serving.call import Call
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.service import METHODS, unary_call
from phasekey.wire.tensors import encode_raw, read_tensors, write_tensors

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture
def infer(channel):
    call = unary_call(channel, "ModelInfer")
    return lambda request: call(request, timeout=30)


@pytest.fixture
def refused(infer):
    """Send a request that must fail: gives its status code and text."""

    def send(request):
        with pytest.raises(grpc.RpcError) as caught:
            infer(request)
        return caught.value.code(), caught.value.details()

    return send


def request(arrays, **fields):
    message = pb.ModelInferRequest(**{"model_name": "stamped"} | fields)
    write_tensors(arrays, message.inputs, message.raw_input_contents)
    return message


def test_typed_contents_are_taken_and_answered_raw(infer, convolution, x):
    message = pb.ModelInferRequest(model_name="stamped", id="typed")
    tensor = message.inputs.add(name="x", datatype="FP32", shape=x.shape)
    tensor.contents.fp32_contents.extend(x.ravel().tolist())
    response = infer(message)
    assert response.id == "typed"
    assert not response.outputs[0].HasField("contents")
    h = read_tensors(response.outputs, response.raw_output_contents)["h"]
    np.testing.assert_allclose(h, convolution.oracle(x), atol=1e-5)


def test_outputs_asked_for_are_sent(infer, x):
    message = request({"x": x})
    message.outputs.add(name="h")
    assert [output.name for output in infer(message).outputs] == ["h"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_name": "nobody"}, "Model 'nobody' is not served here; served: plain, stamped."),
        ({"model_name": ""}, "Model '' is not served here"),
        ({"model_version": "2"}, "no version '2' here; served is '1'"),
    ],
)
def test_unknown_models_and_versions_are_not_found(refused, x, fields, said):
    code, text = refused(request({"x": x}, **fields))
    assert code is NOT_FOUND
    assert said in text


def test_metadata_of_unknown_models_is_not_found(channel):
    with pytest.raises(grpc.RpcError) as caught:
        unary_call(channel, "ModelMetadata")(pb.ModelMetadataRequest(name="nobody"), timeout=30)
    assert caught.value.code() is NOT_FOUND


X = np.zeros((2, 4, 5, 5), np.float32)
NAN, INFINITE = X.copy(), X.copy()
NAN[1, 2, 3, 4], INFINITE[0, 0, 0, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": X}, "takes the inputs ['x']; ['image'] came"),
        ({}, "takes the inputs ['x']; [] came"),
        ({"x": X, "theta": X}, "takes the inputs ['x']; ['x', 'theta'] came"),
        ({"x": X[:, :3]}, "'x' must be FP32 (N, 4, 5, 5); FP32 (2, 3, 5, 5) came"),
        ({"x": X[0]}, "'x' must be FP32 (N, 4, 5, 5); FP32 (4, 5, 5) came"),
        ({"x": X.astype(np.float64)}, "'x' must be FP32 (N, 4, 5, 5); FP64 (2, 4, 5, 5) came"),
        ({"x": X.astype(np.uint8)}, "UINT8 (2, 4, 5, 5) came"),
        ({"x": X[:0]}, "'x' is empty: (0, 4, 5, 5) came"),
        ({"x": NAN}, "'x' holds NaN or infinity"),
        ({"x": INFINITE}, "'x' holds NaN or infinity"),
        ({"x": np.zeros((9, 4, 5, 5), np.float32)}, "9 samples; at most 8"),
    ],
)
def test_inputs_that_do_not_fit_are_the_clients_fault(refused, arrays, said):
    code, text = refused(request(arrays))
    assert code is INVALID
    assert said in text


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b""])
def test_raw_contents_must_fill_the_shape(refused, x, change):
    message = request({"x": x})
    message.raw_input_contents[0] = change(encode_raw(x))
    code, text = refused(message)
    assert code is INVALID
    assert f"'x' (FP32 [2, 4, 5, 5]) needs 800 raw bytes; {len(change(encode_raw(x)))} came" in text


def test_raw_and_typed_together_are_refused(refused, x):
    message = request({"x": x})
    message.inputs[0].contents.fp32_contents.append(1.0)
    assert refused(message) == (
        INVALID,
        "Tensor 'x' has typed contents beside raw contents: send one of them.",
    )


@pytest.mark.parametrize(
    ("names", "said"), [(["g"], "['h']; asked for were ['g']"), (["h", "h"], "asked for were ['h', 'h']")]
)
def test_outputs_that_cannot_be_had(refused, x, names, said):
    message = request({"x": x})
    for name in names:
        message.outputs.add(name=name)
    code, text = refused(message)
    assert code is INVALID
    assert said in text


def test_extensions_that_change_the_meaning_are_refused(refused, x):
    message = request({"x": x})
    message.outputs.add(name="h").parameters["classification"].int64_param = 3
    code, text = refused(message)
    assert code is INVALID
    assert "'classification' is not supported" in text


def test_a_datatype_without_meaning_here(refused, x):
    message = request({"x": x})
    message.inputs[0].datatype = "BF16"
    code, text = refused(message)
    assert code is INVALID
    assert "'BF16' is not supported" in text


def test_an_endless_name_comes_back_shortened(refused, x):
    code, text = refused(request({"x": x}, model_name="n" * 100_000))
    assert code is NOT_FOUND
    assert len(text) < 2000


def test_bytes_that_are_no_message_are_the_clients_fault(channel):
    call = channel.unary_unary(METHODS["ModelInfer"].path)
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff\xff", timeout=30)
    assert caught.value.code() is INVALID
    assert caught.value.details() == "The bytes are not a ModelInferRequest message."


def test_shared_memory_is_unimplemented(channel):
    call = channel.unary_unary("/inference.GRPCInferenceService/SystemSharedMemoryRegister")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=30)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_request_over_the_limit_is_refused(refused):
    code, text = refused(request({"x": np.zeros((3000, 4, 5, 5), np.float32)}))  # 1.2 MB; the limit is 1 MiB
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in text


def test_bad_requests_cost_others_nothing(infer, refused, convolution, x):
    for _ in range(5):
        refused(request({"x": NAN}))
        h = read_tensors((good := infer(request({"x": x}))).outputs, good.raw_output_contents)["h"]
        np.testing.assert_allclose(h, convolution.oracle(x), atol=1e-5)


def left_over():
    """What the server keeps of calls, by type."""
    return {type(one).__name__ for one in gc.get_objects() if isinstance(one, Rpc | Call | Inference)}


@pytest.mark.parametrize("how", ["answered", "large", "wrong", "expired", "not admitted"])
def test_a_call_that_is_over_leaves_nothing_for_the_garbage_collector(repository, x, how):
    """It counts objects, not bytes: circles around messages would be hundreds of megabytes in a flood."""
    messages = {
        "large": request({"x": x}, id="n" * 1_500_000),  # looked through on another thread
        "wrong": request({"x": NAN}),
        "expired": request({"x": x}),
    }
    if how == "expired":
        messages[how].parameters["timeout"].int64_param = 1
    rate = 1e-9 if how == "not admitted" else 0
    with (
        start(ServerConfig(repository, listen="127.0.0.1:0", client_rate=rate, max_message_mib=4)) as server,
        grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel,
    ):
        call = unary_call(channel, "ModelInfer")
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                fails = how not in ("answered", "large")
                with pytest.raises(grpc.RpcError) if fails else contextlib.nullcontext():
                    call(messages.get(how, request({"x": x})), timeout=30)
            deadline = time.monotonic() + 30
            while found := left_over():
                assert time.monotonic() < deadline, found
                time.sleep(0.05)
        finally:
            gc.enable()


def test_a_stream_keeps_nothing_of_what_it_has_answered(server, channel, x):
    go = threading.Event()

    def messages():
        for _ in range(5):
            yield request({"x": x})
        go.wait(60)  # the stream stays open

    gc.collect()
    gc.disable()
    try:
        call = channel.stream_stream(
            METHODS["ModelStreamInfer"].path,
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=triton.ModelStreamInferResponse.FromString,
        )
        replies = call(messages(), timeout=60)
        for _ in range(5):
            assert not next(replies).error_message
        deadline = time.monotonic() + 30
        while found := left_over():
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        go.set()
        assert list(replies) == []
    finally:
        go.set()
        gc.enable()
