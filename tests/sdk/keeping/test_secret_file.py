"""The device's secret: one, whole, its owner's alone, and nothing taken for one that is none."""

import os
import shutil
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from sdk import EdgeClient, SdkError, Untrusted
from sdk.keeping import SECRET_FILE, WeakSecretWarning, data_folder, device_secret, read_secret, rotate_secret
from sdk.keeping.judging import doubt, flaw

DRAWN = np.random.default_rng(0).bytes(5000)  # the same in every process that collects these tests
ASK = """
import sys, time
from pathlib import Path
from sdk.keeping import device_secret
while time.time() < float(sys.argv[2]): pass
print(device_secret(Path(sys.argv[1])).hex())
"""


def test_it_is_made_once_for_its_owner_alone(tmp_path):
    folder = tmp_path / "new" / "folder"
    first = device_secret(folder)
    assert len(first) == 32
    assert flaw(first) is None
    assert device_secret(folder) == first
    assert (folder / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["device.lock", SECRET_FILE]


def test_processes_that_ask_at_once_get_one(tmp_path):
    moment = str(time.time() + 1.5)
    line = [sys.executable, "-c", ASK, tmp_path / "new", moment]
    asking = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=60)[0] for process in asking}
    assert answers == {device_secret(tmp_path / "new").hex() + "\n"}


def test_rotation_puts_another_in_its_place(tmp_path):
    old = device_secret(tmp_path)
    path = rotate_secret(tmp_path)
    new = device_secret(tmp_path)
    assert new != old
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == new


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it has 0 bytes"),
        (b"hunter2", "it has 7 bytes"),
        (DRAWN, "it has 4097 bytes"),
        (bytes(32), "all the same"),
        (bytes(range(32)), "count up"),
        (b"ab" * 16, "fewer than 8"),
        (b"0123456789" * 3, "repeats itself"),
    ],
    ids=["empty", "short", "long", "zeros", "counting", "two bytes", "repeated"],
)
def test_what_nobody_drew_is_refused_and_not_echoed(tmp_path, content, said):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Untrusted, match=said) as caught:
        read_secret(path)
    assert not content or content.hex() not in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_password_is_warned_of_and_goes_on_to_work(tmp_path):
    """It may be in use, and another secret would give away what was sent under it."""
    path = tmp_path / "secret"
    path.write_bytes(b"correct horse battery staple\n")
    path.chmod(0o600)
    with pytest.warns(WeakSecretWarning, match="looks like a password"):
        assert read_secret(path) == b"correct horse battery staple\n"


@pytest.mark.parametrize(
    "random",
    [DRAWN[:16], DRAWN[:32], DRAWN[:32].hex().encode(), b"Zk3vQ9xTnB7wLm2RfYc8HsJd4Gp6aE1u\n"],
    ids=["16 bytes", "32 bytes", "hexadecimal", "base64"],
)
def test_random_bytes_and_their_usual_spellings_are_no_password(random):
    assert (flaw(random), doubt(random)) == (None, None)


def test_ten_thousand_random_secrets_are_all_taken():
    assert all(flaw(os.urandom(16)) is None for _ in range(10_000))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path, mode):
    path = rotate_secret(tmp_path)
    path.chmod(mode)
    with pytest.raises(Untrusted, match="chmod 600"):
        device_secret(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/urandom"), reason="no /dev/urandom here")
def test_files_that_never_end_or_begin_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for endless in ("/dev/urandom", tmp_path / "pipe", tmp_path):
        with pytest.raises(Untrusted, match="no plain file"):
            read_secret(type(tmp_path)(endless))


def test_a_folder_that_takes_no_file_is_told_with_all_ways_out(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SdkError, match=r"cannot be kept .*PHASEKEY_DATA_DIR.*secret=.*ephemeral=True"):
        device_secret(tmp_path / "taken")


FULL = """
import sys
from pathlib import Path
from phasekey.errors import PhasekeyError
from sdk.keeping import device_secret
folder = Path(sys.argv[1])
try:
    with open(folder / "filler", "wb") as filler:
        while True: filler.write(bytes(4096)), filler.flush()
except OSError: pass
try:
    device_secret(folder)
except PhasekeyError as error:
    print(error, sorted(path.name for path in folder.glob("device.secret*")))
"""


def test_a_full_disk_is_told_and_leaves_no_half_secret(tmp_path):
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets no user mount a small disk (unshare --user --mount)")
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c '{FULL}' {tmp_path}"
    done = subprocess.run([*alone, "sh", "-c", script], capture_output=True, text=True, timeout=60)
    if "mount" in done.stderr:
        pytest.skip("this machine lets no user mount a small disk")
    assert "cannot be kept" in done.stdout, done.stderr
    assert done.stdout.endswith("[]\n")


def test_the_platforms_folder_is_the_default(monkeypatch, tmp_path):
    assert str(data_folder()) == os.environ["PHASEKEY_DATA_DIR"]
    assert data_folder(tmp_path) == tmp_path
    monkeypatch.delenv("PHASEKEY_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert data_folder() == tmp_path / "phasekey"


def test_a_client_takes_it_by_itself_and_forgets_it_when_closed(small_export, memory, tmp_path):
    folder, image = tmp_path / "own", small_export.network.images(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = EdgeClient(small_export.edge, transport=memory, data_folder=folder)
    client.predict(image)
    assert read_secret(folder / SECRET_FILE).hex() not in repr(client)
    client.close()
    with pytest.raises(SdkError, match="closed"):
        client.keys.draw(image, 5, small_export.manifest.secret)
