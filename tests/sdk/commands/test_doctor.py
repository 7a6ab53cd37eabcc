"""`python -m sdk doctor` as people run it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from phasekey.signing.keys import load_key, new_key
from phasekey.signing.sign import sign_bundle
from sdk.keeping import rotate_secret
from sdk.store import Store


@pytest.fixture
def doctor(tmp_path):
    """Run it: doctor(export, "--target", ...) -> status, states by subject, all that was said."""

    def run(export, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "sdk", "doctor", "--json", "--bundle", export.edge, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        found = json.loads(done.stdout)
        return done.returncode, {each["subject"]: each["state"] for each in found}, done.stdout

    return run


def test_a_healthy_device(doctor, new_export, server, tmp_path):
    export, key = new_export(), new_key(tmp_path / "key")
    sign_bundle(export.edge, load_key(tmp_path / "key"))
    path = rotate_secret(type(tmp_path)(os.environ["PHASEKEY_DATA_DIR"]))
    status, states, said = doctor(export, "--target", server.address, "--trusted-key", key)
    assert status == 0
    assert set(states.values()) == {"ok"}
    assert set(states) == {"bundle", "signature", "secret", "versions", "clock", "server"}
    assert path.read_bytes().hex() not in said


def test_what_is_not_well_is_told_with_what_to_do(doctor, new_export, tmp_path):
    export = new_export("bare", audit=None)
    status, states, said = doctor(export)
    assert (status, states["signature"], states["secret"], states["audit"]) == (0, *["warning"] * 3)
    weak = tmp_path / "weak"
    weak.write_bytes(bytes(32))
    weak.chmod(0o600)
    key = new_key(tmp_path / "key")
    status, states, said = doctor(
        export, "--secret-file", weak, "--trusted-key", key, "--target", "127.0.0.1:1"
    )
    assert status == 1
    assert [states[name] for name in ("bundle", "signature", "secret", "server")] == ["ok", *["broken"] * 3]
    assert "phasekey sign" in said
    (export.edge / "encoder.onnx").write_bytes(b"damaged")
    assert doctor(export)[1]["bundle"] == "broken"


def test_decoys_are_counted(doctor, new_export, tmp_path):
    export = new_export("archived", kind="permutation", components=4, archive=True)
    assert doctor(export)[1]["decoys"] == "broken"
    store = Store(tmp_path / "decoys.db")
    store.add(np.random.default_rng(0).integers(0, 256, (7, 6, 6, 1), np.uint8))
    store.close()
    status, states, said = doctor(export, "--decoys", tmp_path / "decoys.db")
    assert (status, states["decoys"]) == (0, "ok")
    assert "7 are left, for 2 new inputs" in said
    store = Store(tmp_path / "other.db")
    store.add(np.zeros((7, 5, 5, 1), np.uint8))
    store.close()
    status, states, said = doctor(export, "--decoys", tmp_path / "other.db")
    assert (status, states["decoys"]) == (1, "broken")
    assert "pack them again" in said
