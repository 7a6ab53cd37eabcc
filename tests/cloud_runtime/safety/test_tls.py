"""TLS, mutual TLS and renewal, with stock channels and real certificates."""

import time

import grpc
import pytest
import trustme

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.safety import watched_file
from cloud_runtime.safety.tls import server_credentials
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call


def live(channel) -> bool:
    return unary_call(channel, "ServerLive")(pb.ServerLiveRequest(), timeout=30).live


def code(channel) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        unary_call(channel, "ServerLive")(pb.ServerLiveRequest(), timeout=5)
    return caught.value.code()


def test_a_client_that_trusts_the_authority_gets_through_and_no_other(pki, start_server, secure_channel):
    server = start_server(tls_certificate=pki.certificate, tls_key=pki.key)
    assert live(secure_channel(server.address, root_certificates=pki.root))
    stranger = trustme.CA().cert_pem.bytes()
    assert code(secure_channel(server.address, root_certificates=stranger)) is grpc.StatusCode.UNAVAILABLE
    with grpc.insecure_channel(server.address) as channel:
        assert code(channel) is grpc.StatusCode.UNAVAILABLE


def test_mutual_tls_wants_a_certificate_of_the_authority(pki, start_server, secure_channel, tmp_path):
    (tmp_path / "clients.pem").write_bytes(pki.root)
    server = start_server(
        tls_certificate=pki.certificate, tls_key=pki.key, tls_client_ca=tmp_path / "clients.pem"
    )
    for authority, works in ((pki, True), (type(pki)(trustme.CA(), tmp_path), False)):
        key, chain = authority.client("device-7")
        channel = secure_channel(
            server.address, root_certificates=pki.root, private_key=key, certificate_chain=chain
        )
        assert live(channel) if works else code(channel) is grpc.StatusCode.UNAVAILABLE
    assert code(secure_channel(server.address, root_certificates=pki.root)) is grpc.StatusCode.UNAVAILABLE


def test_a_renewed_certificate_is_used_without_a_restart(pki, start_server, secure_channel, monkeypatch):
    """It runs out; new connections fail, the old one stays. It is renewed; new ones work again."""
    monkeypatch.setattr(watched_file, "_CHECK_EVERY", 0.0)
    server = start_server(tls_certificate=pki.certificate, tls_key=pki.key)
    old = secure_channel(server.address, root_certificates=pki.root)
    assert live(old)
    pki.expire()
    assert code(secure_channel(server.address, root_certificates=pki.root)) is grpc.StatusCode.UNAVAILABLE
    assert live(old)
    pki.issue()
    assert live(secure_channel(server.address, root_certificates=pki.root))
    assert live(old)


def test_a_half_written_certificate_changes_nothing(pki, start_server, secure_channel, monkeypatch):
    monkeypatch.setattr(watched_file, "_CHECK_EVERY", 0.0)
    server = start_server(tls_certificate=pki.certificate, tls_key=pki.key)
    pki.certificate.write_bytes(pki.certificate.read_bytes()[:100])
    assert live(secure_channel(server.address, root_certificates=pki.root))
    pki.certificate.unlink()
    assert live(secure_channel(server.address, root_certificates=pki.root))


@pytest.mark.parametrize("content", [None, b"", b"no pem"])
def test_files_that_cannot_be_used_are_said_at_the_start(pki, repository, content):
    pki.key.unlink() if content is None else pki.key.write_bytes(content)
    config = ServerConfig(repository, tls_certificate=pki.certificate, tls_key=pki.key)
    with pytest.raises(CloudRuntimeError, match=r"server\.key"):
        server_credentials(config)


def test_without_tls_there_are_no_credentials(repository):
    assert server_credentials(ServerConfig(repository)) is None


def test_a_watched_file_is_looked_at_once_a_second(tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    watched = watched_file.WatchedFile((path,), lambda paths: paths[0].read_text())
    path.write_text("another")
    watched._checked = time.monotonic() + 60  # however slow this machine is
    assert watched.value() == "one"
    watched._checked = time.monotonic() - 2
    assert watched.value() == "another"
