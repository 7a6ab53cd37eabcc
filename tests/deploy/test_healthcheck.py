"""The container's health check, as the container runs it."""

import subprocess
import sys
from pathlib import Path

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start

CHECK = Path(__file__).resolve().parents[2] / "deploy" / "healthcheck.py"


def run(target: str) -> int:
    return subprocess.run([sys.executable, CHECK, target], capture_output=True, timeout=60).returncode


def test_a_ready_server_is_healthy_and_a_draining_one_is_not(small_export) -> None:
    config = ServerConfig(small_export.cloud, listen="127.0.0.1:0", http="127.0.0.1:0")
    with start(config) as server:
        assert run(str(server.http_address)) == 0
        server.drain()
        assert run(str(server.http_address)) == 1


def test_no_server_is_not() -> None:
    assert run("127.0.0.1:1") == 1
