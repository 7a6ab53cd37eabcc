"""A prediction writes no file and speaks to the target alone, by the kernel's own count."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

DRIVER = Path(__file__).with_name("in_namespace.py")
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]

# The arguments: the server's address, the bundle, an image. Telemetry gets a moment to show itself.
COMMAND = """
import runpy, sys, time
address, bundle, image = sys.argv[1:]
sys.argv = ["sdk", "predict", "--bundle", bundle, "--target", address, image]
try:
    runpy.run_module("sdk", run_name="__main__")
finally:
    time.sleep(1)
"""
LIBRARY = """
import sys, time
from sdk import EdgeClient
address, bundle, image = sys.argv[1:]
with EdgeClient(bundle, target=address) as client:
    print(client.predict(image).labels)
    print(client.predict([image, image]).labels)
time.sleep(1)
"""


@pytest.fixture
def watched(small_export, tmp_path):
    """Run a client where everything is counted: watched(code) -> counts, files that appeared."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode
    ):
        pytest.skip("this machine lets no user make a network namespace (unshare --user --net)")
    image = tmp_path / "image.png"
    Image.fromarray(small_export.network.images(1)[0, ..., 0]).save(image)
    home = tmp_path / "home"

    def run(code, **environment):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        # Without CI too: ONNX Runtime keeps no telemetry there, and the control would show nothing.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_", "CI"))}
        places = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
        places |= {"XDG_DATA_HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
        done = subprocess.run(
            [*NAMESPACE, sys.executable, DRIVER, small_export.cloud, code, small_export.edge, image],
            cwd=home,
            env={**inherited, **places, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["status"] == 0, report["said"]
        assert any(label in report["said"] for label in small_export.manifest.labels)
        files = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
        return report["counted"], files

    return run


ONE_CONNECTION = {
    "Tcp.ActiveOpens": 1,
    "Tcp.PassiveOpens": 1,  # it was the target that took it
    "Tcp.AttemptFails": 0,
    "Udp.OutDatagrams": 0,
    "Ip.OutNoRoutes": 0,
}


def nothing_else(counted):
    return {**counted, **ONE_CONNECTION} == counted and not any(
        value for name, value in counted.items() if name not in ONE_CONNECTION
    )


@pytest.mark.parametrize("code", [COMMAND, LIBRARY], ids=["command", "library"])
def test_one_connection_and_no_file(watched, code):
    counted, files = watched(code)
    assert nothing_else(counted), counted
    assert files == []


def test_a_proxy_or_telemetry_setting_of_the_environment_changes_nothing(watched):
    settings = {"http_proxy": "http://192.0.2.1:80", "grpc_proxy": "http://192.0.2.1:80"}
    counted, files = watched(LIBRARY, ORT_DISABLE_TELEMETRY="0", **settings)
    assert nothing_else(counted), counted
    assert files == []


EXTRA = {
    "a second connection to the target": "socket.create_connection(sys.argv[1].split(':'), 5)",
    "a connection to nobody on this machine": "socket.socket().connect_ex(('127.0.0.1', 1))",
    "a connection to elsewhere": "socket.socket().connect_ex(('192.0.2.1', 443))",
    "a datagram to a resolver on this machine": "udp.sendto(b'?', ('127.0.0.53', 53))",
    "a datagram to elsewhere": "udp.connect_ex(('192.0.2.1', 53))",
    "a connection over IPv6": "socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 443))",
}


@pytest.mark.parametrize("slip", list(EXTRA))
def test_the_count_would_show(watched, slip):
    """The control: a client that does one thing more is caught."""
    if "IPv6" in slip and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    prelude = "import socket, sys\nudp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    counted, _ = watched(prelude + EXTRA[slip] + "\n" + LIBRARY.replace("time.sleep(1)", ""))
    assert not nothing_else(counted)


def test_the_look_at_the_files_would_show(watched):
    """The control: ONNX Runtime imported ahead of us, its telemetry on, leaves files in the home."""
    _, files = watched("import onnxruntime\n" + LIBRARY)
    if not files:
        pytest.skip("this ONNX Runtime keeps no telemetry state")
