"""The machine that a figure was measured on, in words, and how its threads wait.

torch is imported by the functions that ask it, so that let_threads_sleep() can come first.
"""

import os
import platform
from pathlib import Path

import numpy as np

import phasekey


def let_threads_sleep() -> None:
    """Let torch's threads sleep while they wait, instead of spinning; call it before torch is imported.

    On two busy cores, two spinning threads took 25 s for an epoch of digits, two sleeping ones 1.8 s, one
    thread 0.5 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def hardware() -> str:
    """Name this machine as a reader of figures wants to know it.

    Returns:
        The GPU where torch sees one, else the processor with the threads in use and its cores; and torch's
        version.
    """
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return f"{_processor()}, {threads} of {cores} cores, torch {torch.__version__}"


def versions() -> dict[str, str]:
    """Give the versions of the libraries that a result depends on, by name."""
    import torch

    return {"phasekey": phasekey.__version__, "torch": str(torch.__version__), "numpy": np.__version__}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
