"""An environment of its own for each peer: they can't live beside each other, nor beside us."""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

STAMP = "installed.txt"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "phasekey-benchmarks"


class UnavailableError(Exception):
    """A peer can't be had here; the text says why."""


def make_environment(folder: Path, requirements: Sequence[str], alone: Sequence[str] = ()) -> Path:
    """The Python of an environment with these packages, made where it is not there yet.

    Args:
        folder: of the environment.
        requirements: what pip installs, with what they ask for.
        alone: what it installs after them without what they ask for.

    Raises:
        UnavailableError: the packages can't be installed.
    """
    python, stamp = folder / "bin" / "python", folder / STAMP
    wanted = "\n".join([*requirements, *alone])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making {folder} with {', '.join(requirements)}; once, some hundred megabytes …", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    _install(python, requirements)
    if alone:
        _install(python, ["--no-deps", *alone])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _install(python: Path, packages: Sequence[str]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        raise UnavailableError((errors or ["pip failed"])[-1])
