"""`python -m sdk init` as people run it."""

import subprocess
import sys


def init(*arguments):
    line = [sys.executable, "-m", "sdk", "init", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def test_it_makes_a_secret_and_says_where(tmp_path):
    first, again = (init("--data-dir", tmp_path) for _ in range(2))
    secret = tmp_path / "device.secret"
    assert (first.returncode, first.stdout) == (0, f"made: {secret}\n")
    assert (again.returncode, again.stdout) == (0, f"there already: {secret}\n")
    content = secret.read_bytes()
    asked = init("--data-dir", tmp_path, "--rotate")
    assert asked.returncode == 2
    assert "can compute" in asked.stderr
    assert "say --yes" in asked.stderr
    assert secret.read_bytes() == content
    assert init("--data-dir", tmp_path, "--rotate", "--yes").returncode == 0
    assert secret.read_bytes() != content
    shown = first.stdout + again.stdout + asked.stderr
    assert content.hex() not in shown
