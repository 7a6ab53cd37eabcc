"""The example app, run as its users run it, against a real server."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "examples" / "photo_label.py"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the app with a home directory of its own: app(bundle, target, photo, …)."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(APP), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run


def test_labels_photos_and_keeps_its_secret(app, exported, served: str, tmp_path: Path) -> None:
    first = app(exported.edge, served, *exported.files[:2])
    assert first.returncode == 0, first.stderr
    assert [line.split(": ")[0] for line in first.stdout.splitlines()] == [*map(str, exported.files[:2])]
    secret = tmp_path / ".photo-label.secret"
    kept = secret.read_bytes()
    assert len(kept) == 32
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    # The same secret gives the same angles and decoys, so the very same output.
    assert app(exported.edge, served, *exported.files[:2]).stdout == first.stdout
    assert secret.read_bytes() == kept


def test_a_broken_photo_costs_its_own_line_only(app, exported, served: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(exported.files[0].read_bytes()[:40])
    done = app(exported.edge, served, broken, exported.files[0])
    assert done.returncode == 1
    assert str(broken) in done.stderr
    assert done.stdout.startswith(str(exported.files[0]))


def test_no_server_is_one_line_and_no_traceback(app, exported) -> None:
    done = app(exported.edge, "127.0.0.1:1", exported.files[0])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: No server answered at 127.0.0.1:1")
    assert "Traceback" not in done.stderr  # above it may stand that the bundle was never audited
