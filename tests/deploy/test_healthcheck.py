"""The container's health check, as the container runs it."""

import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).resolve().parents[2] / "deploy" / "healthcheck.py"


def run(target: str) -> int:
    return subprocess.run([sys.executable, CHECK, target], capture_output=True, timeout=60).returncode


def test_a_ready_server_is_healthy(served: str) -> None:
    assert run(served) == 0


def test_no_server_is_not() -> None:
    assert run("127.0.0.1:1") == 1
