"""A server as a process of its own under fire, and what a good client sees meanwhile."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import grpc
import numpy as np
import pytest

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import read_tensors, write_tensors


@dataclass
class Tally:
    """What became of requests: answered right, refused cleanly by code, wrong or lost (goal 0)."""

    right: int = 0
    refused: dict = field(default_factory=dict)
    lost: list = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome) -> None:
        with self._lock:
            if outcome is None:
                self.right += 1
            elif isinstance(outcome, grpc.StatusCode):
                self.refused[outcome] = self.refused.get(outcome, 0) + 1
            else:
                self.lost.append(outcome)


CLEAN = {
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}


class Asker:
    """A good client: knows the right answer to what it sends."""

    def __init__(self, address, convolution, model="stamped", size=2, metadata=()):
        self.channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self._call, self._metadata = unary_call(self.channel, "ModelInfer"), metadata
        self._oracle, self._model, self._size = convolution.oracle, model, size
        self._random = np.random.default_rng(size)

    def ask(self, timeout=60):
        """None for the right answer, a status code for a clean refusal, anything else says what is wrong."""
        x = self._random.standard_normal((self._size, 4, 5, 5)).astype(np.float32)
        message = pb.ModelInferRequest(model_name=self._model)
        write_tensors({"x": x}, message.inputs, message.raw_input_contents)
        try:
            response = self._call(message, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            return error.code() if error.code() in CLEAN else f"{error.code()}: {error.details()}"
        h = read_tensors(response.outputs, response.raw_output_contents)["h"]
        return None if np.abs(h - self._oracle(x)).max() < 1e-4 else "wrong answer"

    def close(self):
        self.channel.close()


@pytest.fixture
def asker(convolution):
    """Make good clients: asker(address, …) → one; closed at the end."""
    made = []

    def make(address, **options):
        made.append(Asker(address, convolution, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def under_load():
    """Ask from several clients at once until told to stop: under_load(clients) → (tally, stop)."""
    ends = []

    def begin(clients, timeout=60):
        tally, stopped = Tally(), threading.Event()

        def run(client):
            while not stopped.is_set():
                tally.add(client.ask(timeout))

        threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
        for thread in threads:
            thread.start()

        def stop():
            stopped.set()
            for thread in threads:
                thread.join(90)
            return tally

        ends.append(stop)
        return tally, stop

    yield begin
    for end in ends:
        end()


@pytest.fixture
def process(repository):
    """Start servers as processes: process(*flags) → (process, address). Killed at the end."""
    started = []

    def launch(*flags, root=repository, **options):
        command = [sys.executable, "-m", "cloud_runtime", "--model-repository", root]
        server = subprocess.Popen(
            [str(part) for part in (*command, "--listen", "127.0.0.1:0", *flags)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **({"stderr": subprocess.DEVNULL} | options),
        )
        started.append(server)
        line = server.stdout.readline()
        assert line.startswith("listening on "), line
        return server, line.removeprefix("listening on ").partition(",")[0]

    yield launch
    for server in started:
        server.kill()
        server.communicate()


@pytest.fixture
def until():
    """Wait for a condition, and fail where it does not come: until(condition)."""

    def wait(condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait
