"""A staged folder takes its place whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from phasekey.bundle import BundleError, staged, staging


def write(folder, text):
    (folder / "edge").mkdir()
    (folder / "edge" / "manifest.json").write_text(text)
    (folder / f"only-{text}").write_text(text)


def content(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_new_folder_appears_with_its_parents(tmp_path):
    target = tmp_path / "build" / "digits"
    with staged(target) as folder:
        write(folder, "one")
        assert not target.exists()
    assert content(target) == ["edge/manifest.json", "only-one"]
    assert os.listdir(target.parent) == ["digits"]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_older_export_is_replaced_as_a_whole(tmp_path, monkeypatch, at_once):
    if not at_once:  # a file system without an exchange
        monkeypatch.setattr(staging, "_exchange_at_once", lambda new, old: False)
    target = tmp_path / "digits"
    for text in ("one", "two"):
        with staged(target) as folder:
            write(folder, text)
    assert content(target) == ["edge/manifest.json", "only-two"]
    assert os.listdir(tmp_path) == ["digits"]


def test_an_empty_folder_may_be_taken(tmp_path):
    with staged(tmp_path / "new") as folder:
        write(folder, "one")
    (tmp_path / "empty").mkdir()
    with staged(tmp_path / "empty") as folder:
        write(folder, "one")
    assert content(tmp_path / "empty") == content(tmp_path / "new")


def test_a_failure_leaves_the_old_export_and_nothing_else(tmp_path):
    target = tmp_path / "digits"
    with staged(target) as folder:
        write(folder, "one")

    def fail_half_way():
        with staged(target) as folder:
            write(folder, "two")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert content(target) == ["edge/manifest.json", "only-one"]
    assert os.listdir(tmp_path) == ["digits"]


def test_a_failed_rename_puts_the_old_export_back(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_exchange_at_once", lambda new, old: False)
    target = tmp_path / "digits"
    with staged(target) as folder:
        write(folder, "one")
    rename = type(target).rename

    def refuse(self, to):
        if to == target and not self.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(type(target), "rename", refuse)
    with pytest.raises(BundleError, match="No space left"), staged(target) as folder:
        write(folder, "two")
    assert content(target) == ["edge/manifest.json", "only-one"]
    assert os.listdir(tmp_path) == ["digits"]


KILLED = """
import os, signal, sys
from pathlib import Path
from phasekey.bundle import staged
with staged(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_export_leaves_the_old_one(tmp_path):
    target = tmp_path / "digits"
    with staged(target) as folder:
        write(folder, "one")
    died = subprocess.run([sys.executable, "-c", KILLED, str(target)], timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert content(target) == ["edge/manifest.json", "only-one"]


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match="something other than an export"), staged(tmp_path):
        pytest.fail("must not get here")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_or_link_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(BundleError, match="is not a folder"), staged(tmp_path / name):
            pytest.fail("must not get here")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="Cannot write to"), staged(tmp_path / "file" / "digits"):
        pytest.fail("must not get here")
