"""The cloud runtime as a process of its own, for as long as a block lasts."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from phasekey.errors import PhasekeyError

READY = "listening on "
DRAIN = 10.0  # seconds for requests in flight


@contextmanager
def running_server(repository: Path, *, quiet: bool = False) -> Iterator[str]:
    """Start `python -m cloud_runtime` on a free loopback port, and end it however the block ends.

    Args:
        repository: of models.
        quiet: keep its log to ourselves, unless it does not start.

    Yields:
        Its address, HOST:PORT.

    Raises:
        PhasekeyError: it does not start; its own message is on stderr.
    """
    command = [sys.executable, "-m", "cloud_runtime", "--model-repository", str(repository)]
    with TemporaryFile("w+") if quiet else nullcontext() as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(DRAIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[str], log: IO[str] | None) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if line.startswith(READY):
        return line.removeprefix(READY).split(",")[0].strip()
    if log is not None:
        log.seek(0)
        sys.stderr.write(log.read())
    raise PhasekeyError("the cloud runtime did not start; its own message stands above")
