"""The machine in words, and how its threads wait."""

import os
import subprocess
import sys

import torch

from phasekey import __version__
from phasekey.machine import hardware, versions


def test_the_words_name_what_a_figure_depends_on():
    assert f"torch {torch.__version__}" in hardware()
    assert f"of {os.cpu_count()} cores" in hardware() or torch.cuda.is_available()
    assert versions()["phasekey"] == __version__
    assert set(versions()) == {"phasekey", "torch", "numpy"}


def test_threads_sleep_before_torch_is_there_unless_told_otherwise():
    code = (
        "import os, sys\nfrom phasekey.machine import let_threads_sleep\n"
        "let_threads_sleep()\nprint(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    for before, expected in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
        if before is not None:
            environment["OMP_WAIT_POLICY"] = before
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == [expected, "False"]
