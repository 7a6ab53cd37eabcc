"""Servers in processes of their own, and a TCP proxy that does to connections what networks do."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST


class Proxy:
    """Relays to an address.

    Attributes:
        half_open: connections up to this number pass nothing on any more, and are not closed.
        holding: no byte is passed on either way.
        held: bytes of clients that wait meanwhile.
        rate: bytes a second each way; None sets no limit.
        resets: how many connections to reset once the client has sent this many bytes, ``after``.
        connections: how many there were.
    """

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.half_open, self.holding, self.rate, self.resets, self.after = 0, False, None, 0, 0
        self.held = {True: 0, False: 0}  # bytes on their way up, and down
        self.connections, self._lock = 0, threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self.connections += 1
            for source, sink, up in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._relay, args=(source, sink, up, self.connections), daemon=True
                ).start()

    def _relay(self, source: socket.socket, sink: socket.socket, up: bool, number: int) -> None:
        seen = 0
        try:
            while data := source.recv(4096):
                if number <= self.half_open:
                    continue
                while self.holding:
                    self.held[up] = len(data) + waiting(source)
                    time.sleep(0.01)
                seen += len(data)
                if up and self._resets(seen):
                    reset(source, sink)
                    return
                time.sleep(len(data) / self.rate if self.rate else 0)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                end.close()

    def hold(self) -> None:
        """Pass nothing on from now on."""
        self.held, self.holding = {True: 0, False: 0}, True

    def wait_for_a_request(self, size: int = 256) -> None:
        """Wait until a client has sent as much as an x of one image has."""
        self._wait(lambda: self.held[True] >= size)

    def wait_for_a_request_or_answer(self) -> None:
        """Of a client that asks without end: its requests may all have passed, and their answers be held."""
        self._wait(lambda: any(self.held.values()))

    def _wait(self, come: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not come():
            assert time.monotonic() < until
            time.sleep(0.01)

    def _resets(self, seen: int) -> bool:
        with self._lock:
            if not self.resets or seen < self.after:
                return False
            self.resets -= 1
            return True


def waiting(source: socket.socket) -> int:
    """Bytes that came and were not read yet."""
    try:
        return len(source.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


def reset(*ends: socket.socket) -> None:
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.close()


@contextmanager
def impatient(transport, seconds=0.3):
    """Give the calls of a transport so long, and no others: those that are answered may take theirs."""
    patient, transport._peer = transport._peer, replace(transport._peer, timeout=seconds)
    yield
    transport._peer = patient


@pytest.fixture
def processes(small_export):
    """Start servers as processes: processes() -> address and the process, which may be killed."""
    command = [sys.executable, "-m", "cloud_runtime", "--model-repository", small_export.cloud]
    with ExitStack() as stack:

        def start(*options):
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, "--listen", "127.0.0.1:0", *options],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return SimpleNamespace(address=process.stdout.readline().split()[2].rstrip(","), process=process)

        yield start


@pytest.fixture
def proxy(server):
    """A proxy before the real server of the tests."""
    made = Proxy(server.address)
    yield made
    made.close()


@pytest.fixture
def proxy_to():
    """Put a proxy before another address."""
    made = []

    def make(address):
        made.append(Proxy(address))
        return made[-1]

    yield make
    for each in made:
        each.close()
