"""A server as a process of its own on a core of its own: start, readiness, memory, CPU time, end."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil

from benchmarks.environments import UnavailableError
from benchmarks.serving.workload import MODEL
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call

START_SECONDS = 120
STOP_SECONDS = 20
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
PINNED = "import os, sys; os.sched_setaffinity(0, {%d}); os.execvp(sys.argv[1], sys.argv[1:])"


@dataclass(frozen=True)
class Launch:
    """How a server is started: its command, variables beside ours, and the port that it will have."""

    command: Sequence[str | Path]
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(command: Sequence[str | Path], core: int) -> list[str]:
    """The command, run on one core with all its children."""
    return [sys.executable, "-c", PINNED % core, *map(str, command)]


class Server:
    """A running server; leaving the context stops it, and waits until it is gone. model: when it is ready."""

    def __init__(self, launch: Launch, core: int, log: Path, model: str = MODEL) -> None:
        self.address = f"127.0.0.1:{launch.port}"
        self._model = model
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                pinned(launch.command, core),
                env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", **launch.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
            )

    def __enter__(self) -> "Server":
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and end it if it doesn't."""
        family = self._family()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in family:
            if process.is_running():
                process.kill()

    def memory(self) -> float:
        """MB resident, with its children."""
        return sum(self._sum(lambda process: process.memory_info().rss)) / 1e6

    def cpu_seconds(self) -> float:
        """CPU time so far, with its children."""
        return sum(self._sum(lambda process: sum(process.cpu_times()[:2])))

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _sum(self, figure: Any) -> list[float]:
        values = []
        for process in self._family():
            try:
                values.append(figure(process))
            except psutil.NoSuchProcess:  # it has ended since
                continue
        return values

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        with grpc.insecure_channel(self.address, OPTIONS) as channel:
            ready = unary_call(channel, "ModelReady")
            while time.monotonic() < end and self._process.poll() is None:
                try:
                    if ready(pb.ModelReadyRequest(name=self._model), timeout=5).ready:
                        return
                except grpc.RpcError:
                    time.sleep(0.2)
        tail = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise UnavailableError(f"it did not start: {' '.join(tail) or 'no output'}")
