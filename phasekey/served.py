"""The cloud runtime as a process of its own, for as long as a block lasts."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phasekey.errors import PhasekeyError

READY = "listening on "
DRAIN = 10.0  # seconds for requests in flight


@contextmanager
def running_server(repository: Path) -> Iterator[str]:
    """Start `python -m cloud_runtime` on a free loopback port, give its address, and end it however
    the block ends. Raises PhasekeyError where it does not start (its own message is on stderr)."""
    command = [sys.executable, "-m", "cloud_runtime", "--model-repository", str(repository)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        try:
            process.wait(DRAIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith(READY):
        raise PhasekeyError("the cloud runtime did not start; its own message stands above")
    return line.removeprefix(READY).split(",")[0].strip()
