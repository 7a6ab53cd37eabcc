"""Keys in OpenSSH's format, as ssh-keygen writes them."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from phasekey.federated.errors import FederatedError
from phasekey.federated.keys import authorized_keys, require_key

KEYS = [ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1())]


def line(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def test_each_line_is_a_device(tmp_path):
    lines = [b"# cameras", b"", line(KEYS[0]) + b" camera 1", line(KEYS[1]), line(KEYS[0])]
    (tmp_path / "devices").write_bytes(b"\r\n".join(lines))
    found = [load_pem_public_key(key) for key in authorized_keys(tmp_path / "devices")]
    assert found == [key.public_key() for key in KEYS]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# nobody\n", "has no key in it"),
        (line(KEYS[0]) + b"\nhunter2\n", "line 2 is no public key"),
        (line(ed25519.Ed25519PrivateKey.generate()), "line 1 is no public key"),
        (None, "No such file"),
    ],
    ids=["empty", "no key", "another kind", "no file"],
)
def test_what_is_no_list_of_keys_is_refused_by_its_line(tmp_path, content, said):
    if content is not None:
        (tmp_path / "devices").write_bytes(content)
    with pytest.raises(FederatedError, match=said) as caught:
        authorized_keys(tmp_path / "devices")
    assert "hunter2" not in str(caught.value)


def private(key, kept=PrivateFormat.OpenSSH):
    return key.private_bytes(Encoding.PEM, kept, NoEncryption())


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (private(KEYS[0]), 0o600, None),
        (private(KEYS[0], PrivateFormat.PKCS8), 0o600, "is no private key"),
        (private(ed25519.Ed25519PrivateKey.generate()), 0o600, "is no private key"),
        (line(KEYS[0]), 0o600, "is no private key"),
        pytest.param(
            private(KEYS[0]), 0o644, "chmod 600",
            marks=pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's"),
        ),
    ],
    ids=["good", "another format", "another kind", "public", "for all to read"],
)  # fmt: skip
def test_a_devices_key_is_looked_at_before_flower_reads_it(tmp_path, content, mode, said):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    if said is None:
        require_key(path)
        return
    with pytest.raises(FederatedError, match=said):
        require_key(path)
