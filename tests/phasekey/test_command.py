"""What all commands share: errors in one line, and quiet where nobody reads on."""

import subprocess
import sys

import pytest

from phasekey.command import UNREAD


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predict", "--help"], ["train", "--help"]])
def test_a_reader_that_leaves_early_is_no_error(arguments) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "phasekey.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) in (0, UNREAD)  # argparse itself is silent of long texts
