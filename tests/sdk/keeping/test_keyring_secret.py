"""A secret in the system's keyring: the real library, over a backend that keeps entries in memory."""

import base64
import copy
import os
import pickle
import subprocess
import sys

import keyring
import numpy as np
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from phasekey import command
from phasekey.errors import PhasekeyError
from sdk import EdgeClient, KeyringSecret, SdkError, Untrusted


class InMemory(KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        del self.entries[service, username]


@pytest.fixture
def backend():
    former, own = keyring.get_keyring(), InMemory()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(former)


def test_it_is_made_once_and_kept(backend):
    first = KeyringSecret()()
    assert len(first) == 32
    assert KeyringSecret()() == first
    assert base64.b64decode(backend.entries["phasekey", "device"]) == first
    assert KeyringSecret("phasekey", "another")() != first


def test_a_client_keeps_its_x_over_restarts_by_it(backend, small_export, memory):
    images = small_export.network.images(2)
    for _ in range(2):
        with EdgeClient(small_export.edge, transport=memory, secret=KeyringSecret()) as client:
            client.predict(images)
            assert "hidden" in repr(client)
    np.testing.assert_array_equal(*memory.sent)


# A backend that all processes share, and that lets others in between a look and an entry.
SHARED = """
import json, time
from pathlib import Path
from keyring.backend import KeyringBackend

class Shared(KeyringBackend):
    priority = 1
    file = Path(__file__).with_suffix(".json")

    def get_password(self, service, username):
        found = json.loads(self.file.read_text()) if self.file.exists() else None
        time.sleep(0.2)
        return found

    def set_password(self, service, username, password):
        self.file.write_text(json.dumps(password))

    def delete_password(self, service, username):
        self.file.unlink()
"""


def test_processes_that_are_first_at_once_get_one(tmp_path):
    (tmp_path / "shared.py").write_text(SHARED)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHON_KEYRING_BACKEND": "shared.Shared"}
    command = [sys.executable, "-c", "from sdk import KeyringSecret; print(KeyringSecret()().hex())"]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in started]
    assert len(set(said)) == 1
    assert len(bytes.fromhex(said[0].decode())) == 32


def test_it_shows_nothing(backend):
    secret = KeyringSecret()
    kept = secret()
    assert repr(secret) == "KeyringSecret(hidden)"
    assert not any(shown in f"{secret} {vars(KeyringSecret)}" for shown in (kept.hex(), repr(kept)[2:-1]))
    for spread in (pickle.dumps, copy.copy):
        with pytest.raises(SdkError, match="not to be pickled"):
            spread(secret)


@pytest.mark.parametrize("entry", ["hunter2", "", "é" * 44, base64.b64encode(bytes(32)).decode()])
def test_what_is_no_secret_is_refused_and_not_echoed(backend, entry):
    backend.entries["phasekey", "device"] = entry
    with pytest.raises(Untrusted, match="phasekey/device holds no secret") as caught:
        KeyringSecret()()
    assert not entry or entry not in str(caught.value)


def test_a_machine_without_a_keyring_says_so(backend):
    keyring.set_keyring(NoKeyring())
    with pytest.raises(SdkError, match=r"gives no secret \(NoKeyringError\)"):
        KeyringSecret()()


def test_without_the_package_it_says_what_to_install(monkeypatch):
    find = command.find_spec
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "keyring" else find(name))
    with pytest.raises(PhasekeyError, match=r"pip install 'phasekey\[keyring\]'"):
        KeyringSecret()
