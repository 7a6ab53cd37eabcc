import pytest

from phasekey.training.data.published.text import lines_of, read_lines
from phasekey.training.errors import TrainingError


def test_lines_of_any_system_without_blank_ones_at_the_end(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"one 1 \r\n\ntwo\n\n\n")
    assert read_lines(tmp_path / "list.txt") == ["one 1 ", "", "two"]


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"cannot open .*list\.txt': No such file"):
        read_lines(tmp_path / "list.txt")
    with pytest.raises(TrainingError, match=r"'list\.txt' is damaged: it is no text"):
        lines_of(b"\xff\x00", "list.txt")
