import pytest

from phasekey import files
from phasekey.errors import PhasekeyError
from phasekey.files import write_whole


class CallersError(PhasekeyError):
    """Of the package that writes."""


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"first", b"second"):
        write_whole(tmp_path / "file", content, error=CallersError)
    assert (tmp_path / "file").read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_cut_off_before_the_end_the_one_before_stays(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", b"first", error=CallersError)

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"second", error=CallersError)
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_disk_that_refuses_is_named(tmp_path):
    with pytest.raises(CallersError, match=r"cannot write .*nowhere/file.*stays as it was"):
        write_whole(tmp_path / "nowhere" / "file", b"", error=CallersError)
