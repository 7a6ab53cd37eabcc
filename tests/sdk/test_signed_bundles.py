"""A bundle vouched for: what a device refuses then, whatever a thief does to the files."""

import base64
import dataclasses
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_runtime import EdgeRuntimeError, Encoder
from phasekey.bundle import load_manifest, write_manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.bundle.signature import load_signature, read_public
from phasekey.cli import main
from phasekey.errors import PhasekeyError
from phasekey.signing.errors import SigningError
from phasekey.signing.keys import load_key, new_key
from phasekey.signing.sign import sign_bundle
from sdk import EdgeClient, Untrusted

SECRET = bytes(range(32))


@pytest.fixture
def key(tmp_path):
    return new_key(tmp_path / "release.key")


@pytest.fixture
def signed(new_export, tmp_path, key):
    export = new_export("signed")
    sign_bundle(export.edge, load_key(tmp_path / "release.key"), version=100)
    return export


@pytest.fixture
def opened(memory, key):
    """Open a client that trusts the key."""

    def make(export, **options):
        return EdgeClient(
            export.edge, transport=memory, secret=SECRET, **{"trusted_key": key, **options}
        )  # fmt: skip

    return make


def test_a_signed_bundle_is_taken_and_any_of_several_keys_will_do(signed, opened, key, tmp_path):
    other = new_key(tmp_path / "other.key")
    for keys in (key, [other, key]):
        opened(signed, trusted_key=keys, newer_than=100).close()


def test_the_signature_is_ed25519_over_label_version_and_checksum(signed, key):
    """Written out anew, by the library alone."""
    found = load_signature(signed.edge)
    message = b"phasekey/bundle.signature/1" + (100).to_bytes(8, "big")
    message += bytes.fromhex(sha256_of_file(signed.edge / "manifest.json"))
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("ed25519:")))
    public.verify(base64.b64decode(found.signature), message)


def unsigned(export, thief, old):
    (export.edge / "signature.json").unlink()


def signed_by_another(export, thief, old):
    sign_bundle(export.edge, thief, version=200)


def named_as_the_right_key(export, thief, old):
    right = load_signature(export.edge).key
    sign_bundle(export.edge, thief, version=200)
    alter(export.edge / "signature.json", key=right)


def newer_by_its_own_word(export, thief, old):
    alter(export.edge / "signature.json", version=300)


def swapped_encoder(export, thief, old):
    """The whole of another bundle, but for the signature."""
    for name in ("encoder.onnx", "decoder.onnx", "manifest.json"):
        (export.edge / name).write_bytes((old.edge / name).read_bytes())


def manifest_with_another_secret(export, thief, old):
    manifest = dataclasses.replace(load_manifest(export.edge), labels=("a", "b", "c", "d"))
    write_manifest(export.edge, manifest)


def one_space_more(export, thief, old):
    path = export.edge / "manifest.json"
    path.write_text(path.read_text() + " ")


def alter(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    "theft",
    [
        unsigned,
        signed_by_another,
        named_as_the_right_key,
        newer_by_its_own_word,
        swapped_encoder,
        manifest_with_another_secret,
        one_space_more,
    ],
)
def test_what_a_thief_changes_is_refused(signed, new_export, opened, tmp_path, theft):
    new_key(tmp_path / "thief.key")
    theft(signed, load_key(tmp_path / "thief.key"), new_export("old", seed=7))
    with pytest.raises(Untrusted, match="not signed"):
        opened(signed)


def test_an_encoder_alone_that_is_swapped_is_refused(signed, new_export, opened):
    (signed.edge / "encoder.onnx").write_bytes((new_export("old", seed=7).edge / "encoder.onnx").read_bytes())
    with pytest.raises(PhasekeyError, match="SHA-256"):
        opened(signed)


def test_an_encoder_that_is_swapped_after_the_check_does_not_run(signed, new_export, key):
    manifest = load_manifest(signed.edge, trusted_key=key)
    (signed.edge / "encoder.onnx").write_bytes((new_export("old", seed=7).edge / "encoder.onnx").read_bytes())
    with pytest.raises(EdgeRuntimeError, match="not the graph of its manifest"):
        Encoder(signed.edge, manifest)


def test_an_old_bundle_in_a_new_ones_place_is_refused(signed, opened):
    opened(signed, newer_than=100).close()
    with pytest.raises(Untrusted, match=r"version 100 .*older than 101"):
        opened(signed, newer_than=101)


def test_versions_rise(signed, tmp_path):
    key = load_key(tmp_path / "release.key")
    with pytest.raises(SigningError, match="must be 101 or more"):
        sign_bundle(signed.edge, key, version=100)
    first = sign_bundle(signed.edge, key)
    assert sign_bundle(signed.edge, key).version > first.version > 1_700_000_000


def test_newer_than_wants_a_key(signed, memory):
    with pytest.raises(PhasekeyError, match="give trusted_key="):
        EdgeClient(signed.edge, transport=memory, secret=SECRET, newer_than=1)


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "AAAA", "ed25519:" + "!" * 44])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(PhasekeyError, match="A trusted key is"):
        read_public(text)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"key": "", "version": -1, "signature": ""}', "[" * 9999]
)
def test_what_is_no_signature_is_refused(signed, opened, content):
    (signed.edge / "signature.json").write_text(content)
    with pytest.raises(Untrusted, match="is no signature"):
        opened(signed)


def test_weights_outside_of_the_graph_are_not_signed(new_export, tmp_path, key):
    import onnx

    export = new_export("external")
    path = export.edge / "encoder.onnx"
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    graph = dataclasses.replace(export.manifest.encoder, sha256=sha256_of_file(path))
    write_manifest(export.edge, dataclasses.replace(export.manifest, encoder=graph))
    with pytest.raises(SigningError, match="in another file"):
        sign_bundle(export.edge, load_key(tmp_path / "release.key"))


def test_the_command_signs_what_a_device_then_takes(new_export, opened, tmp_path, capsys):
    export, path = new_export("by_command"), str(tmp_path / "mine.key")
    assert main(["sign", "--new-key", path]) == 0
    public = capsys.readouterr().out.strip()
    assert (tmp_path / "mine.key.pub").read_text() == public + "\n"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert main(["sign", "--new-key", path]) == 2  # never overwritten
    assert main(["sign", "--key", path, str(export.edge.parent)]) == 0
    assert public in capsys.readouterr().out
    images = export.network.images(2)
    found = opened(export, trusted_key=public).predict(images)
    np.testing.assert_allclose(found.probabilities, export.network.probabilities(images), atol=1e-5)
    os.chmod(path, 0o644)
    assert main(["sign", "--key", path, str(export.edge)]) == 2
    assert "chmod 600" in capsys.readouterr().err


def test_a_key_that_openssl_made_will_do(tmp_path, signed):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command here")
    subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "k"], check=True)
    (tmp_path / "k").chmod(0o600)
    sign_bundle(signed.edge, load_key(tmp_path / "k"))
