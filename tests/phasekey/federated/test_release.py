"""A checkpoint becomes a signed bundle; where a call was cut off, the next goes on."""

import base64

import pytest

from phasekey.audit.result.summary import SUMMARY_FILE, summary_text
from phasekey.bundle import load_manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.bundle.signature import SIGNATURE_FILE
from phasekey.federated import release as module
from phasekey.federated.errors import FederatedError
from phasekey.federated.release import Release, release
from phasekey.signing.errors import SigningError
from phasekey.signing.keys import new_key
from phasekey.training.checkpoint import save_checkpoint
from sdk import EdgeClient
from sdk.errors import Untrusted
from tests.small_export import AUDITED


class Audits:
    """Stands for the minutes of an audit: writes the summary of one that found nothing."""

    def __init__(self):
        self.count, self.kept = 0, True

    def __call__(self, args):
        self.count += 1
        summary = {**AUDITED, "kind": "checkpoint", "subject_sha256": sha256_of_file(args.ckpt)}
        summary |= {} if self.kept else {"kept": False, "verdict": "A promise is broken."}
        (args.ckpt.parent / SUMMARY_FILE).write_text(summary_text(summary))
        return 0


@pytest.fixture
def audits(monkeypatch):
    audits = Audits()
    monkeypatch.setattr(module.audit, "run", audits)
    return audits


@pytest.fixture
def call(checkpoint, tmp_path):
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    public = new_key(tmp_path / "release.key")
    how = Release(tmp_path / "release.key", "quick", None, lambda line: None)
    return lambda: (release(tmp_path / "model.pt", tmp_path / "round-1", how), public)


def test_a_call_that_was_cut_off_goes_on_and_a_device_takes_what_comes_out(call, audits, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(module, "export_checkpoint", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            call()
    bundle, public = call()
    signature = (bundle / "edge" / SIGNATURE_FILE).read_bytes()
    call()
    assert audits.count == 1
    assert (bundle / "edge" / SIGNATURE_FILE).read_bytes() == signature
    assert load_manifest(bundle / "edge").audit["verdict"] == AUDITED["verdict"]
    EdgeClient(bundle / "edge", "127.0.0.1:1", trusted_key=public, ephemeral=True).close()
    another = "ed25519:" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(Untrusted):
        EdgeClient(bundle / "edge", "127.0.0.1:1", trusted_key=another, ephemeral=True)


def test_a_broken_promise_makes_no_bundle(call, audits, tmp_path):
    audits.kept = False
    with pytest.raises(Exception, match="A promise is broken"):
        call()
    assert not (tmp_path / "round-1" / "bundle").exists()


def test_the_folder_of_another_checkpoint_is_left_alone(call, audits, tmp_path):
    (tmp_path / "round-1").mkdir()
    (tmp_path / "round-1" / "model.pt").write_bytes(b"another")
    with pytest.raises(FederatedError, match="another checkpoint"):
        call()


def test_a_missing_key_is_told_before_the_long_part(call, audits, tmp_path):
    (tmp_path / "release.key").unlink()
    with pytest.raises(SigningError):
        call()
    assert audits.count == 0
