"""The image's steps, carried out in a folder, and what comes of it started as the image would be.

There is no container engine in the tests: an unprivileged user, a read-only tree and the Dockerfile's own
variables are what is left of a container then. PHASEKEY_REPLAY=full downloads the packages too, by hashes.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sdk import EdgeClient

from .dockerfile import Image, replay

READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount --bind "$2" "$3" || exit 1
export LD_LIBRARY_PATH="$3/lib" && shift 3
exec setpriv --reuid "${USER_OF_IMAGE%:*}" --regid "${USER_OF_IMAGE#*:}" --clear-groups --no-new-privs "$@"
"""


@pytest.fixture(scope="module")
def tree():
    """What the image holds, in a folder that every user may read: (its root, how to start things in it)."""
    folder = Path(tempfile.mkdtemp(prefix="phasekey-image-"))
    try:
        root, python = folder / "root", folder / "python"
        for each in (root / "opt", python):
            each.mkdir(parents=True)
        replay(root, download=os.environ.get("PHASEKEY_REPLAY") == "full")
        yield root, _starter(root, python)
    finally:
        subprocess.run(["/bin/chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)


def _starter(root: Path, python: Path) -> list[str]:
    subprocess.run(["/bin/chmod", "-R", "a+rX", root.parent], check=True)
    if os.getuid():  # unprivileged as it is
        subprocess.run(["/bin/chmod", "-R", "a-w", root], check=True)
        return []
    # The interpreter may lie where only root goes: it is mounted where its user can.
    (root / "opt/phasekey/bin/python3").unlink()
    (root / "opt/phasekey/bin/python3").symlink_to(python / "bin/python3")
    settings = root / "opt/phasekey/pyvenv.cfg"
    settings.write_text(settings.read_text().replace(f"{sys.base_prefix}/bin", f"{python}/bin"))
    return ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(root), sys.base_prefix, str(python)]


def placed(command: list[str], root: Path) -> list[str]:
    return [part.replace("/opt/", f"{root}/opt/") for part in command]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def contents(root: Path) -> set[tuple[str, int]]:
    return {(str(path), path.lstat().st_mtime_ns) for path in root.rglob("*")}


def test_the_replayed_image_serves_unprivileged_and_read_only(tree, small_export, tmp_path) -> None:
    root, starter = tree
    models = root.parent / "models"
    shutil.copytree(small_export.cloud, models)
    subprocess.run(["/bin/chmod", "-R", "a+rX", root.parent], check=True)
    image = Image("cpu")
    http = f"127.0.0.1:{free_port()}"
    environment = {
        **image.environment,
        "PATH": os.environ["PATH"],
        "USER_OF_IMAGE": image.user,
        "PHASEKEY_MODEL_REPOSITORY": str(models),
        "PHASEKEY_LISTEN": "127.0.0.1:0",
        "PHASEKEY_HTTP": http,
        "PHASEKEY_DRAIN_DELAY": "0",
    }
    before = contents(root)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [*starter, *placed(image.entrypoint, root)],
            env=environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        line = server.stdout.readline()
        assert line.startswith("listening on "), (tmp_path / "log").read_text()
        status = Path(f"/proc/{server.pid}/status").read_text()
        (user,) = (row.split()[1] for row in status.splitlines() if row.startswith("Uid:"))
        assert user != "0"
        check = placed([*image.healthcheck[:-1], http], root)
        assert subprocess.run([*starter, *check], env=environment, timeout=60).returncode == 0
        target = line.removeprefix("listening on ").partition(",")[0]
        images = small_export.network.images(3)
        with EdgeClient(small_export.edge, target=target) as client:
            answer = client.predict(images).probabilities
        assert np.abs(answer - small_export.network.probabilities(images)).max() < 1e-4
        server.send_signal(signal.Signals[image.stop_signal])
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.communicate()
    assert contents(root) == before  # nothing was written, bytecode and telemetry included


def test_the_image_holds_no_installer_and_no_training(tree) -> None:
    root, _ = tree
    (packages,) = (root / "opt/phasekey/lib").glob("python3.*/site-packages")
    assert not {"pip", "setuptools", "torch", "onnx"} & {path.name for path in packages.iterdir()}
    assert not (root / "opt/phasekey/bin/pip").exists()
