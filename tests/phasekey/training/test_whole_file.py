import pytest

from phasekey.training import whole_file
from phasekey.training.errors import TrainingError
from phasekey.training.whole_file import write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"first", b"second"):
        write_whole(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_cut_off_before_the_end_the_one_before_stays(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", b"first")

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(whole_file.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_disk_that_refuses_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"cannot write .*nowhere/file.*stays as it was"):
        write_whole(tmp_path / "nowhere" / "file", b"")
