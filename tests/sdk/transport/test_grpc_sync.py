"""GrpcTransport against the real server, and against servers that answer what they please."""

import dataclasses

import grpc
import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.bundle import TensorSpec
from phasekey.wire import open_inference_pb2 as pb
from sdk import GrpcTransport, SdkError, Unavailable
from sdk.transport.status import error_of, quote

X = np.random.default_rng(0).normal(size=(3, 4, 4, 4)).astype(np.float32)
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def connect(small_export):
    """Make transports for the small export's model, closed at the end."""
    made = []

    def make(target, model=small_export.manifest.model_name, timeout=20.0, **options):
        made.append(GrpcTransport(target, model, timeout=timeout, **options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def test_carries_x_to_the_real_server_and_h_back(connect, server, small_export):
    transport = connect(server.address)
    transport.check(small_export.manifest)
    h = transport.infer(X)
    weight = np.kron(np.eye(2), small_export.network.processing)  # one real weight, both components
    np.testing.assert_allclose(h, np.einsum("ncij,pc->npij", X, weight), atol=1e-5)


def test_counts_the_bytes_of_messages(connect, server, small_export):
    transport = connect(server.address)
    transport.check(small_export.manifest)
    assert (transport.bytes_up, transport.bytes_down) == (0, 0)
    transport.infer(X)
    up, down = transport.bytes_up, transport.bytes_down
    assert X.nbytes < up < X.nbytes + 200
    assert 1.5 * X.nbytes < down < 1.5 * X.nbytes + 200
    transport.infer(X)
    assert (transport.bytes_up, transport.bytes_down) == (2 * up, 2 * down)


@pytest.mark.parametrize("call", [lambda t, m: t.check(m), lambda t, m: t.infer(X)])
def test_no_server(connect, small_export, call):
    with pytest.raises(SdkError, match=f"No server answered at {NOWHERE}: .*check the address"):
        call(connect(NOWHERE), small_export.manifest)


def test_a_server_that_does_not_answer_in_time(connect, fake_server, small_export):
    import threading

    released = threading.Event()
    address = fake_server(ServerReady=lambda request, context: released.wait(30) and pb.ServerReadyResponse())
    with pytest.raises(SdkError, match=rf"at {address} within 0\.2 s\. .*with timeout="):
        connect(address, timeout=0.2).check(small_export.manifest)
    released.set()


def test_something_that_listens_but_is_no_grpc_server(connect, small_export):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_like_a_web_server():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer_like_a_web_server, daemon=True)
        thread.start()
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SdkError, match=f"No server answered at {target}"):
            connect(target, timeout=2).check(small_export.manifest)
        thread.join(10)


def test_a_closed_transport_says_so_and_closes_twice(connect, server):
    transport = connect(server.address)
    transport.close()
    transport.close()
    with pytest.raises(SdkError, match="client is closed"):
        transport.infer(X)


def test_a_server_that_is_not_ready(connect, fake_server, small_export):
    address = fake_server(ServerReady=lambda request, context: pb.ServerReadyResponse(ready=False))
    with pytest.raises(SdkError, match="is not ready yet"):
        connect(address).check(small_export.manifest)


def test_another_service(connect, fake_server, small_export):
    with pytest.raises(SdkError, match="does not speak the Open Inference Protocol"):
        connect(fake_server(ServerReady=None)).check(small_export.manifest)


def test_an_unknown_model_on_the_real_server(connect, server, small_export):
    with pytest.raises(SdkError, match=r"does not offer model 'other': .*different exports, or .*not loaded"):
        connect(server.address, "other").check(small_export.manifest)


@pytest.mark.parametrize("way", ["false", "NOT_FOUND", "UNKNOWN"])
def test_an_unknown_model_however_servers_say_it(connect, fake_server, small_export, abort, way):
    """Triton says false, KServe NOT_FOUND, MLServer UNKNOWN."""
    behaviour = abort(way, "no such model") if way != "false" else lambda *_: pb.ModelReadyResponse()
    with pytest.raises(SdkError, match="does not offer model"):
        connect(fake_server(ModelReady=behaviour)).check(small_export.manifest)


def test_the_fake_server_is_accepted_when_it_is_honest(connect, fake_server, small_export):
    connect(fake_server()).check(small_export.manifest)


@pytest.mark.parametrize(
    "spec",
    [
        TensorSpec("x", "float32", (None, 8, 4, 4)),
        TensorSpec("x", "float32", (None, 4)),
        TensorSpec("y", "float32", (None, 4, 4, 4)),
        TensorSpec("x", "uint8", (None, 4, 4, 4)),
        TensorSpec("x", "float32", (1, 4, 4, 4)),
    ],
)
def test_a_model_with_other_tensors(connect, server, small_export, spec):
    processing = dataclasses.replace(small_export.manifest.processing, inputs=(spec,))
    manifest = dataclasses.replace(small_export.manifest, processing=processing)
    with pytest.raises(SdkError, match=r"has input x FP32 \(N, 4, 4, 4\), this bundle needs"):
        connect(server.address).check(manifest)


def test_a_model_with_other_outputs(connect, server, small_export):
    processing = dataclasses.replace(small_export.manifest.processing, outputs=())
    manifest = dataclasses.replace(small_export.manifest, processing=processing)
    with pytest.raises(SdkError, match=r"has output h FP32 \(N, 6, 4, 4\), this bundle needs none"):
        connect(server.address).check(manifest)


def reply(**fields):
    def behaviour(request, context):
        return pb.ModelInferResponse(
            outputs=[
                pb.ModelInferResponse.InferOutputTensor(name="h", datatype="FP32", shape=[1, 2], **fields)
            ],
            raw_output_contents=[] if fields else [np.float32([[1, 2]]).tobytes()],
        )

    return behaviour


def test_a_typed_reply_is_read_as_well(connect, fake_server):
    contents = pb.InferTensorContents(fp32_contents=[1, 2])
    for behaviour in (reply(), reply(contents=contents)):
        np.testing.assert_array_equal(connect(fake_server(ModelInfer=behaviour)).infer(X), [[1, 2]])


def test_empty_contents_beside_raw_ones_are_taken(connect, fake_server):
    """MLServer 1.7.1 sends them."""
    message = pb.ModelInferResponse(raw_output_contents=[np.float32([[1, 2]]).tobytes()])
    message.outputs.add(name="h", datatype="FP32", shape=[1, 2]).contents.SetInParent()
    assert message.outputs[0].HasField("contents")
    found = connect(fake_server(ModelInfer=lambda request, context: message)).infer(X)
    np.testing.assert_array_equal(found, [[1, 2]])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (pb.ModelInferResponse(), "holds no tensor 'h'"),
        (
            pb.ModelInferResponse(
                outputs=[pb.ModelInferResponse.InferOutputTensor(name="h", datatype="FP32", shape=[1, 2])],
                raw_output_contents=[b"123"],
            ),
            "makes no sense: .*needs 8 raw bytes; 3 came",
        ),
        (
            pb.ModelInferResponse(
                outputs=[pb.ModelInferResponse.InferOutputTensor(name="h", datatype="\x1b[2J", shape=[1])],
                raw_output_contents=[b"1234"],
            ),
            "makes no sense",
        ),
        (b"\xff\xff\xff", "makes no sense"),
    ],
)
def test_a_reply_that_makes_no_sense(connect, fake_server, answer, said):
    address = fake_server(ModelInfer=lambda request, context: answer)
    with pytest.raises(SdkError, match=said) as caught:
        connect(address).infer(X)
    assert str(caught.value).isprintable()


def test_a_reply_without_end_is_cut_off(connect, fake_server):
    huge = pb.ModelInferResponse(raw_output_contents=[bytes(100_000)])
    transport = connect(fake_server(ModelInfer=lambda request, context: huge), max_reply_bytes=50_000)
    with pytest.raises(SdkError, match="its answer was longer than this model's can be"):
        transport.infer(X)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NOT_FOUND", "does not offer model 'small-.*different exports"),
        ("UNAVAILABLE", "No server answered"),
        ("RESOURCE_EXHAUSTED", "no room for the request"),
        ("UNAUTHENTICATED", "check credentials="),
        ("PERMISSION_DENIED", "check credentials="),
        ("UNIMPLEMENTED", "does not speak"),
        ("INTERNAL", r"failed \(INTERNAL\)"),
        ("DATA_LOSS", r"failed \(DATA_LOSS\)"),
        ("CANCELLED", "was cancelled"),
    ],
)
def test_statuses_become_our_own_words(connect, fake_server, abort, code, said):
    transport = connect(fake_server(ModelInfer=abort(code, "Traceback: internal text")))
    with pytest.raises(SdkError, match=said) as caught:
        transport.infer(X)
    assert "internal text" not in str(caught.value)


def test_a_refusal_of_the_request_is_quoted_short_and_printable(connect, fake_server, abort):
    text = "shape [1,\n2]\x1b[31m" + "!" * 1000
    transport = connect(fake_server(ModelInfer=abort("INVALID_ARGUMENT", text)))
    with pytest.raises(SdkError, match=r"refused the request: shape \[1, 2\] \[31m!+…$") as caught:
        transport.infer(X)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_the_real_server_refuses_a_wrong_shape_or_type(connect, server):
    transport = connect(server.address)
    for wrong in (X[:, :3], X[0], X.astype(np.float64), X.astype(np.uint8)):
        with pytest.raises(SdkError, match="refused the request"):
            transport.infer(wrong)
    assert transport.infer(X).shape == (3, 6, 4, 4)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_has_a_text(code):
    text = str(error_of(code, None, target="T", model="M", timeout=1))
    assert "T" in text
    assert "{" not in text


def test_quote():
    assert quote(None) == "(it gave no reason)"
    assert quote("a\r\nb\u202ec") == "a  b c"


def test_tls(connect, tls, small_export):
    """With the right certificate it works; in the clear, or with no trust in it, it does not."""
    from concurrent.futures import ThreadPoolExecutor

    from phasekey.wire.service import METHODS, SERVICE

    method = METHODS["ServerReady"]
    handler = grpc.unary_unary_rpc_method_handler(
        lambda request, context: pb.ServerReadyResponse(ready=False),
        method.request.FromString,
        method.response.SerializeToString,
    )
    secure = grpc.server(ThreadPoolExecutor(1))
    secure.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"ServerReady": handler})])
    credentials = grpc.ssl_server_credentials([(tls.key, tls.certificate)])
    target = f"127.0.0.1:{secure.add_secure_port('127.0.0.1:0', credentials)}"
    secure.start()
    trusting = grpc.ssl_channel_credentials(tls.certificate)
    with pytest.raises(SdkError, match="is not ready yet"):
        connect(target, credentials=trusting).check(small_export.manifest)
    other_root = grpc.ssl_channel_credentials()
    for other, said in ((None, "TLS is wanted"), (other_root, "TLS is wanted|certificate is not trusted")):
        with pytest.raises(SdkError, match=said):
            connect(target, credentials=other, timeout=5).check(small_export.manifest)
    secure.stop(0).wait()


def test_no_proxy_of_the_environment_is_used(connect, server, small_export, monkeypatch):
    for name in ("http_proxy", "grpc_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{NOWHERE}")
    connect(server.address).check(small_export.manifest)


def test_a_server_that_shuts_down_is_no_reason_to_refuse_its_neighbour(connect, server, small_export):
    """Questions go to several in turn; one that drains says `not ready` of itself and of its models."""
    with start(ServerConfig(small_export.cloud, listen="127.0.0.1:0")) as other:
        other.drain()
        for _ in range(4):
            connect([server.address, other.address]).check(small_export.manifest)
        with pytest.raises(Unavailable, match="not ready"):
            connect(other.address).check(small_export.manifest)
