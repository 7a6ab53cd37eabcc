"""What networks do to a client: each ends in its documented error, and the next call works where one can."""

import socket
import threading

import numpy as np
import pytest
import trustme

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from sdk import (
    DeadlineExceeded,
    EdgeClient,
    GrpcTransport,
    Overloaded,
    SdkError,
    Unauthenticated,
    Unavailable,
)

from .conftest import impatient

SECRET = bytes(range(32))


def predicts(client, export, seed=1):
    images = export.network.images(3, seed=seed)
    found = client.predict(images).probabilities
    np.testing.assert_allclose(found, export.network.probabilities(images), atol=2e-5)


@pytest.fixture
def black_hole():
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_black_hole_ends_by_the_time_to_connect(small_export, black_hole):
    client = EdgeClient(small_export.edge, black_hole, timeout=60, connect_timeout=0.3)
    with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s\. .*with connect_timeout=") as caught:
        client.predict(small_export.network.images(1))
    assert caught.value.retryable
    assert caught.value.code.name == "DEADLINE_EXCEEDED"
    assert caught.value.done == "nothing was sent"
    client.close()


def test_threads_before_a_silent_server_wait_side_by_side(small_export, memory):
    """Six checks are under way at once: behind a lock, the barrier would never fill."""
    meeting = threading.Barrier(6, timeout=20)
    memory.check = lambda manifest: meeting.wait()
    client = EdgeClient(small_export.edge, transport=memory)
    threads = [threading.Thread(target=predicts, args=(client, small_export)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not meeting.broken
    assert len(memory.sent) == 6


def test_a_half_open_connection_is_left_for_a_new_one(small_export, proxy):
    transport = GrpcTransport(proxy.address, small_export.manifest.model_name)
    with EdgeClient(small_export.edge, transport=transport, secret=SECRET) as client:
        predicts(client, small_export)
        proxy.half_open = 1
        with impatient(transport), pytest.raises(DeadlineExceeded) as caught:
            client.predict(small_export.network.images(1))
        assert caught.value.done == "x was sent, and may have arrived"
        predicts(client, small_export)
    assert proxy.connections == 2


def test_a_slow_link_is_slow_and_right(small_export, proxy):
    with EdgeClient(small_export.edge, proxy.address) as client:
        proxy.rate = 20_000
        predicts(client, small_export)


def test_a_reset_is_retried(small_export, proxy):
    with EdgeClient(small_export.edge, proxy.address, timeout=10) as client:
        predicts(client, small_export)
        proxy.resets, proxy.after = 1, 0
        predicts(client, small_export, seed=2)
    assert proxy.connections == 2


def test_resets_without_end_are_unavailable(small_export, proxy):
    proxy.resets = 1000
    client = EdgeClient(small_export.edge, proxy.address, timeout=10)
    with pytest.raises(Unavailable):
        client.predict(small_export.network.images(1))
    client.close()


@pytest.mark.parametrize("images", [1, 2000], ids=["small", "above 256 KiB"])
def test_a_retry_sends_the_same_bytes(small_export, images):
    """gRPC gives up retrying what it has no room to keep; and never is an x hidden twice, under two keys."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    from phasekey.wire.service import METHODS, SERVICE
    from sdk import GrpcTransport

    seen = []

    def infer(request, context):
        seen.append(request)
        if len(seen) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        message = METHODS["ModelInfer"].request.FromString(request)
        x = np.frombuffer(message.raw_input_contents[0], np.float32).reshape(-1, 4, 4, 4)
        h = np.concatenate([x, x[:, :2]], axis=1)
        reply = METHODS["ModelInfer"].response()
        reply.outputs.add(name="h", datatype="FP32", shape=h.shape)
        reply.raw_output_contents.append(h.tobytes())
        return reply.SerializeToString()

    handler = grpc.unary_unary_rpc_method_handler(infer)
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    transport = GrpcTransport(
        f"127.0.0.1:{port}", small_export.manifest.model_name, max_request_bytes=images * 256
    )
    transport.check = lambda manifest: None
    client = EdgeClient(small_export.edge, transport=transport, batch_size=images)
    client.predict(small_export.network.images(images))
    client.close()
    server.stop(0).wait()
    assert len(seen) == 3
    assert len(seen[0]) > images * 256
    assert seen[0] == seen[1] == seen[2]


@pytest.fixture
def tls_files(tls, tmp_path):
    (tmp_path / "cert.pem").write_bytes(tls.certificate)
    (tmp_path / "key.pem").write_bytes(tls.key)
    return tmp_path


@pytest.fixture
def guarded(small_export, tls_files):
    """The real server with TLS and tokens."""
    (tls_files / "tokens").write_text("camera the-token-of-the-camera\n")
    config = ServerConfig(
        model_repository=small_export.cloud,
        listen="127.0.0.1:0",
        tls_certificate=tls_files / "cert.pem",
        tls_key=tls_files / "key.pem",
        token_file=tls_files / "tokens",
    )
    running = start(config)
    yield running
    running.stop(0)


@pytest.fixture
def two_of_a_name(small_export, tmp_path):
    """Two real servers with a certificate for the name localhost, and for no address."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    config = ServerConfig(
        model_repository=small_export.cloud,
        listen="127.0.0.1:0",
        tls_certificate=tmp_path / "both.pem",
        tls_key=tmp_path / "both.pem",
    )
    with start(config) as one, start(config) as other:
        yield one, other


def test_several_targets_by_name_over_tls(small_export, two_of_a_name, tmp_path):
    """Each certificate is checked against the name that they share, though gRPC gets their addresses."""
    one, other = two_of_a_name
    by_name = ["localhost:" + running.address.rpartition(":")[2] for running in (one, other)]
    images, trust = small_export.network.images(1), {"ca_cert": tmp_path / "ca.pem"}
    with EdgeClient(small_export.edge, by_name, **trust) as client:
        client.predict(images)
        one.stop(0)
        for _ in range(3):
            assert client.predict(images).labels
    by_address = [running.address for running in (other, other)]
    with pytest.raises(Unavailable, match="another name"), EdgeClient(small_export.edge, by_address, **trust):
        pass


def test_a_wrong_certificate_and_its_replacement(small_export, guarded, tls, tls_files):
    """The file is put right while the client lives: the next call opens a new channel with it."""
    import trustme

    trusted = tls_files / "trusted.pem"
    trusted.write_bytes(trustme.CA().cert_pem.bytes())
    client = EdgeClient(
        small_export.edge,
        guarded.address,
        ca_cert=trusted,
        token="the-token-of-the-camera",
        connect_timeout=5,
    )
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        client.predict(small_export.network.images(1))
    trusted.write_bytes(tls.certificate)
    predicts(client, small_export)
    client.close()


def test_a_certificate_replaced_in_use_opens_a_new_channel_and_the_old_one_finishes(
    small_export, guarded, tls, tls_files, proxy_to
):
    trusted = tls_files / "trusted.pem"
    trusted.write_bytes(tls.certificate)
    through = proxy_to(guarded.address)
    options = {"ca_cert": trusted, "token": "the-token-of-the-camera"}
    with EdgeClient(small_export.edge, through.address, **options) as client:
        predicts(client, small_export)
        through.hold()
        slow = threading.Thread(target=predicts, args=(client, small_export))
        slow.start()
        through.wait_for_a_request()
        trusted.write_bytes(b"half of a file")  # as long as it is, the old channel goes on
        new = tls_files / "new.pem"
        new.write_bytes(tls.certificate + b"\n")
        new.replace(trusted)
        through.holding = False
        predicts(client, small_export)
        slow.join(30)
        assert not slow.is_alive()
        assert through.connections == 2


def test_an_expired_token_and_a_new_one(small_export, guarded, tls_files):
    token = tls_files / "token"
    token.write_text("the-token-of-yesterday\n")
    client = EdgeClient(small_export.edge, guarded.address, ca_cert=tls_files / "cert.pem", token_file=token)
    with pytest.raises(Unauthenticated, match="token or certificate is missing, wrong or expired") as caught:
        client.predict(small_export.network.images(1))
    assert not caught.value.retryable
    assert "yesterday" not in str(caught.value)
    token.write_text("the-token-of-the-camera\n")
    predicts(client, small_export)
    client.close()


def test_a_token_that_a_function_gives(small_export, guarded, tls_files):
    tokens = iter(["the-token-of-the-camera"] * 4 + ["the-token-of-yesterday"])
    options = {"ca_cert": tls_files / "cert.pem", "token": lambda: next(tokens)}
    with EdgeClient(small_export.edge, guarded.address, **options) as client:  # three questions
        predicts(client, small_export)
        with pytest.raises(Unauthenticated):
            client.predict(small_export.network.images(1))


def test_mutual_tls(small_export, tmp_path):
    """A device with a certificate of the right authority is let in, one without or of another is not."""
    import trustme

    ours, others = trustme.CA(), trustme.CA()
    names = {"ca.pem": ours.cert_pem.bytes()}
    for name, issued in (
        ("server", ours.issue_cert("127.0.0.1")),
        ("device", ours.issue_cert("device.example")),
        ("stranger", others.issue_cert("device.example")),
    ):
        names[f"{name}.pem"] = b"".join(each.bytes() for each in issued.cert_chain_pems)
        names[f"{name}.key"] = issued.private_key_pem.bytes()
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    config = ServerConfig(
        model_repository=small_export.cloud,
        listen="127.0.0.1:0",
        tls_certificate=tmp_path / "server.pem",
        tls_key=tmp_path / "server.key",
        tls_client_ca=tmp_path / "ca.pem",
    )
    running = start(config)
    try:
        for name in ("device", "stranger", None):
            own = {} if name is None else {"cert": tmp_path / f"{name}.pem", "key": tmp_path / f"{name}.key"}
            client = EdgeClient(small_export.edge, running.address, ca_cert=tmp_path / "ca.pem", **own)
            if name == "device":
                predicts(client, small_export)
            else:
                with pytest.raises(Unavailable):
                    client.predict(small_export.network.images(1))
            client.close()
    finally:
        running.stop(0)


def test_an_overloaded_server(small_export):
    config = ServerConfig(model_repository=small_export.cloud, listen="127.0.0.1:0", client_rate=0.01)
    running = start(config)
    try:
        with EdgeClient(small_export.edge, running.address) as client, pytest.raises(Overloaded) as caught:
            list(client.predict_stream(small_export.network.images(50)))
        assert caught.value.retryable
    finally:
        running.stop(0)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("127.0.0.1:1", "nothing listens there"),
        ("no-such-host.invalid:1", r"its name is unknown \(DNS\)"),
    ],
)
def test_targets_where_nobody_is_each_say_why(small_export, target, said):
    client = EdgeClient(small_export.edge, target, connect_timeout=5)
    with pytest.raises(SdkError, match=said):
        client.predict(small_export.network.images(1))
    client.close()


def test_an_http_only_port_says_so(small_export):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    web = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    client = EdgeClient(small_export.edge, f"127.0.0.1:{web.server_address[1]}", connect_timeout=5)
    with pytest.raises(SdkError, match=r"does not speak gRPC|speaks HTTP/1 only"):
        client.predict(small_export.network.images(1))
    client.close()
    web.shutdown()
    web.server_close()
