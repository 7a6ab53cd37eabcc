import io
import tarfile
from pathlib import PurePosixPath

import pytest

from phasekey.training.data.files import files_of
from phasekey.training.errors import TrainingError

CONTENTS = {f"a/{number}": bytes([number]) * (400 * number) for number in range(6)}


def write_tar(path, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in CONTENTS.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression_gives_all_files(tmp_path, mode):
    files = dict(files_of(write_tar(tmp_path / "a.tar", mode), ()))
    assert {str(name): content for name, content in files.items()} == CONTENTS


def test_a_folder_gives_what_matches_in_order(tmp_path):
    for name in ("b/2", "b/1", "c", "b/d/3"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name)
    assert list(files_of(tmp_path, ("b/*",))) == [
        (PurePosixPath("b/1"), b"b/1"),
        (PurePosixPath("b/2"), b"b/2"),
    ]


def test_an_archive_is_never_extracted(tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with tarfile.open(inner / "a.tar", "w") as archive:
        header = tarfile.TarInfo("../escaped")
        header.size = 1
        archive.addfile(header, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    assert [str(name) for name, _ in files_of(inner / "a.tar", ())] == ["../escaped"]
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "a.tar"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_cut_anywhere_is_refused(tmp_path, mode):
    """At every header and inside the data: tarfile alone takes some of these for a shorter archive."""
    content = write_tar(tmp_path / "whole", mode).read_bytes()
    used = sum(512 + -(-len(data) // 512) * 512 for data in CONTENTS.values())
    cuts = range(0, used + 1, 128) if mode == "w" else range(0, len(content) - 40, 16)
    for cut in cuts:
        (tmp_path / "cut").write_bytes(content[:cut])
        with pytest.raises(TrainingError, match=r"cannot read .*cut"):
            list(files_of(tmp_path / "cut", ()))


def test_a_damaged_header_is_no_end(tmp_path):
    path = write_tar(tmp_path / "a.tar")
    content = bytearray(path.read_bytes())
    content[512 + 512 + 512 + 10] ^= 1  # in the name of the third file
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="damaged"):
        list(files_of(path, ()))


def test_a_file_that_is_no_archive_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no archive" * 200)
    with pytest.raises(TrainingError, match=r"notes\.txt' as a tar archive"):
        list(files_of(tmp_path / "notes.txt", ()))
