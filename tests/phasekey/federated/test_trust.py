"""Who is let in: certificates, and keys of devices, with real processes."""

from contextlib import ExitStack
from importlib.util import find_spec

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from phasekey.training.checkpoint import load_checkpoint
from tests.phasekey.federated.capture import found, relay
from tests.phasekey.federated.started import free_port

pytestmark = [
    pytest.mark.skipif(
        find_spec("flwr") is None, reason="Flower is in an environment of its own: `make federated`"
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture
def certificates(tmp_path):
    """Files of a server's certificate and its authority's, and of an authority that issued nothing."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    issued.private_key_pem.write_to_path(tmp_path / "server.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    return ["--certificate", "server.pem", "--private-key", "server.key", "--authority", "ca.pem"]


@pytest.fixture
def keys(tmp_path):
    """Keys of three devices, of which two are on the server's list."""
    lines = []
    for name in ("device0", "device1", "stranger"):
        key = ec.generate_private_key(ec.SECP384R1())
        content = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (tmp_path / f"{name}.key").touch(mode=0o600)
        (tmp_path / f"{name}.key").write_bytes(content)
        lines.append(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    (tmp_path / "devices").write_bytes(b"\n".join([b"# the cameras", *lines[:2], b""]))
    return ["--authorized-keys", "devices"]


def test_devices_of_the_list_take_part_over_tls_and_nobody_else(
    fleet, checkpoint, certificates, keys, tmp_path
):
    server, device, _, _ = fleet
    port, trust = free_port(), ["--authority", "ca.pem"]
    with ExitStack() as running:
        serving = running.enter_context(server(port, *certificates, *keys, "--min-clients", 2, rounds=1))
        serving.wait_for("devices connect to")
        wire = running.enter_context(relay(port))
        deceived = running.enter_context(device(0, wire.port, "--authority", "another.pem", name="deceived"))
        stranger = device(0, port, *trust, "--key", "stranger.key", name="stranger")
        keyless = device(0, port, *trust, name="keyless")
        for one in (stranger, keyless):
            running.enter_context(one).wait_for("does not know this device's key")
        assert deceived.process.wait(60) == 2
        assert "is not trusted" in deceived.log.read_text()
        for request in ("register", "start_run"):
            assert refused(port, tmp_path / "ca.pem", request) == 401
        for number in range(2):
            running.enter_context(device(number, wire.port, *trust, "--key", f"device{number}.key"))
        serving.wait_for("saved")
    facts = load_checkpoint(tmp_path / "fed" / "model.pt").facts["federated"]
    assert (facts["rounds"], facts["devices"]) == (1, 2)
    assert not any("images to learn from" in one.log.read_text() for one in (stranger, keyless, deceived))
    weights = [value.detach().numpy() for value in checkpoint.network.decoder.parameters()]
    assert len(wire.content) > 10_000
    assert found(wire.content, weights) == 0  # they go by in the clear without TLS: test_processes.py


def refused(port, authority, request):
    """The HTTP status that a caller who is not the server's own process gets."""
    from httpx import HTTPStatusError

    from phasekey.federated.flower.control import control, register, start_run

    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with control(f"127.0.0.1:{port}", authority.read_bytes(), bytes(32)) as client:
        with pytest.raises(HTTPStatusError) as caught:
            register(client, [pem]) if request == "register" else start_run(client)
        return caught.value.response.status_code
