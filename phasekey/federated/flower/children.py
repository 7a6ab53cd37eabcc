"""SuperLink and SuperNode: Flower's own programs as child processes, on ports of this machine."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from phasekey.federated.errors import FederatedError

LOOPBACK = "127.0.0.1"
READY_WITHIN = 60.0  # seconds, from start to the first accepted connection
GRACE = 10.0  # seconds, from being asked to leave to being made to
SECRET_BYTES = 32
UNKNOWN = (
    b"[code: 2001]",
    b"[code: 2004]",
)  # in Flower's log: no key where one is asked for; one not registered
SECRET_FILE = "--superexec-auth-secret-file"  # option of both programs


@dataclass(frozen=True)
class Tls:
    """Files of the SuperLink's certificate, PEM.

    Attributes:
        authority: that vouches for the certificate; devices have it too.
        certificate, key: of the SuperLink; None on devices.
    """

    authority: Path
    certificate: Path | None = None
    key: Path | None = None


class Child:
    """A program that runs until the block is left.

    Args:
        program: `superlink` or `supernode`.
        options: of its command line.
        folder: for its log and its secret, readable by this user alone.
        port: of this machine, on which it will listen.
    """

    def __init__(self, program: str, options: Sequence[str], folder: Path, port: int) -> None:
        self.port, self._program, self._options, self._folder = port, program, list(options), folder
        self.log, self._secret = folder / f"{program}-{port}.log", folder / f"{program}-{port}.secret"
        self._process: subprocess.Popen[bytes] | None = None
        self._before = 0  # bytes of the log that are of an earlier start
        self.secret = secrets.token_bytes(SECRET_BYTES)  # whoever has it may take the program's tasks

    @property
    def runs(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def unknown(self) -> bool:
        """Whether it ended because the SuperLink does not know its key: its log alone says so."""
        if self.runs:
            return False
        said = self.log.read_bytes()[self._before :]
        return any(code in said for code in UNKNOWN)

    def __enter__(self) -> "Child":
        """Start it, without waiting."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask it to leave, and make it leave if it does not."""
        self.stop()

    def start(self) -> None:
        """Start it, without waiting; a port that somebody else has is found out by wait_until_ready."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secret.unlink(missing_ok=True)
        self._secret.touch(mode=0o600)
        self._secret.write_bytes(self.secret)
        command = [sys.executable, "-m", "phasekey.federated.flower.child", str(os.getpid()), self._program]
        command += [*self._options, "--port", str(self.port), "--isolation", "process"]
        command += [SECRET_FILE, str(self._secret)]
        home = {**os.environ, "FLWR_HOME": str(self._folder / "flower"), "FLWR_LOG_LEVEL": "INFO"}
        with self.log.open("ab") as log:
            self._before = log.tell()
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=home)  # noqa: S603

    def wait_until_ready(self) -> None:
        """Wait until it listens, or was turned away.

        Raises:
            FederatedError: it ended, or did not listen in a minute.
        """
        until = time.monotonic() + READY_WITHIN
        try:
            while self.runs and time.monotonic() < until:
                with socket.socket() as probe:
                    probe.settimeout(1.0)
                    if probe.connect_ex((LOOPBACK, self.port)) == 0 and self.runs:
                        return
                time.sleep(0.1)
        finally:
            self._secret.unlink(missing_ok=True)
        self.stop()
        if self.unknown:  # it listened, and went away
            return
        raise FederatedError(
            f"Flower's {self._program} did not start on port {self.port}; {str(self.log)!r} has its words"
        )

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


def superlink(host: str, port: int, folder: Path, tls: Tls | None, *, ask_for_keys: bool) -> Child:
    """Describe the SuperLink, to which devices connect.

    Args:
        host, port: on which it listens.
        folder: for its log.
        tls: its certificate; None for plaintext.
        ask_for_keys: take registered devices alone.
    """
    options = ["--host", host, "--disable-runtime-dependency-installation"]
    options += ["--enable-supernode-auth"] if ask_for_keys else []
    if tls is None:
        options.append("--insecure")
    else:
        options += ["--ssl-ca-certfile", str(tls.authority), "--ssl-certfile", str(tls.certificate)]
        options += ["--ssl-keyfile", str(tls.key)]
    return Child("superlink", options, folder, port)


def supernode(address: str, folder: Path, tls: Tls | None, key: Path | None) -> Child:
    """Describe the SuperNode of a device: it fetches messages and brings the answers back.

    Args:
        address: HOST:PORT of the SuperLink.
        folder: for its log.
        tls: whom to believe; None for plaintext.
        key: file of the device's private key; None of a device that the SuperLink need not know.
    """
    how = ["--insecure"] if tls is None else ["--root-certificates", str(tls.authority)]
    how += [] if key is None else ["--auth-supernode-private-key", str(key)]
    return Child("supernode", ["--superlink", address, "--host", LOOPBACK, *how], folder, free_port())
