"""Run in Ray's environment by test_ray_serve.py: a cluster, the application, clients; prints JSON.

python ray_program.py one  EXPORT      errors, then one of two replicas killed under load
python ray_program.py two  EXPORT      two nodes, one removed under load
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import ray
from phasekey_on_ray import build
from ray import serve
from ray.cluster_utils import Cluster

from phasekey.bundle import load_manifest
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import METHODS
from phasekey.wire.tensors import write_tensors
from sdk import EdgeClient, Unavailable
from tests.sdk.in_namespace import raise_loopback

SECRET = bytes(range(32))
CALLERS, PAUSE, TRIES = 4, 0.2, 50
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), np.uint8)  # of tests/small_export.py's size


class Load:
    """Callers, each with an EdgeClient of its own, that know the right answer and repeat what failed."""

    def __init__(self, export: Path, targets: list[str]) -> None:
        self._export, self._targets, self._stopped = export, targets, threading.Event()
        with EdgeClient(export / "edge", target=targets[0], secret=SECRET) as client:
            self._right = client.predict(IMAGES).probabilities
        self.answered = self.repeated = 0
        self.lost: list[str] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> dict[str, Any]:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)
        return {"answered": self.answered, "repeated": self.repeated, "lost": self.lost}

    def wait_for(self, more: int) -> None:
        goal = self.answered + more
        end = time.monotonic() + 120
        while self.answered < goal and time.monotonic() < end:
            time.sleep(0.02)

    def _call(self, number: int) -> None:
        place = number
        while not self._stopped.is_set():
            outcome = "no try was answered"
            for _ in range(TRIES):
                target = self._targets[place % len(self._targets)]
                try:
                    with EdgeClient(
                        self._export / "edge", target=target, secret=SECRET, timeout=20
                    ) as client:
                        while not self._stopped.is_set():
                            answer = client.predict(IMAGES[number]).probabilities[0]
                            self._note(
                                None if np.allclose(answer, self._right[number], atol=1e-4) else "wrong"
                            )
                    return
                except Unavailable:
                    with self._lock:
                        self.repeated += 1
                    place += 1
                    time.sleep(PAUSE)
                except Exception as error:  # everything else is a loss
                    outcome = repr(error)
                    break
            self._note(outcome)

    def _note(self, loss: str | None) -> None:
        with self._lock:
            if loss is None:
                self.answered += 1
            else:
                self.lost.append(loss)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def run_application(export: Path, replicas: int, proxies: str = "EveryNode") -> list[str]:
    """Start it, and give the gRPC address of each node."""
    port = free_port()
    serve.start(
        proxy_location=proxies,
        http_options={"host": "127.0.0.1", "port": free_port()},
        grpc_options={
            "port": port,
            "grpc_servicer_functions": ["phasekey_on_ray.add_methods"],
            "enable_reflection": False,
        },
    )
    serve.run(
        build({"repository": str(export / "cloud"), "min_replicas": replicas, "max_replicas": replicas + 1}),
        name="phasekey",
        route_prefix="/phasekey",
    )
    return [f"{node['NodeManagerAddress']}:{port}" for node in ray.nodes() if node["Alive"]]


def call(address: str, method: str, data: bytes, metadata: Any = ()) -> list[str]:
    """Send bytes; give the status and its text."""
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(METHODS[method].path, None, None)
        try:
            ask(data, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            return [error.code().name, error.details()]
    return ["OK", ""]


def errors(address: str, export: Path) -> dict[str, list[str]]:
    """What clients are told when they, or we, are wrong."""
    name = load_manifest(export / "edge").model_name
    wrong = pb.ModelInferRequest(model_name=name)
    write_tensors({"x": np.zeros((1, 2), np.float32)}, wrong.inputs, wrong.raw_input_contents)
    broken = pb.ModelInferRequest(model_name="broken")  # its graph fails where its input says so
    write_tensors({"x": np.full((1, 1), 5, np.int64)}, broken.inputs, broken.raw_input_contents)
    return {
        "garbage": call(address, "ModelInfer", b"\xff" * 40),
        "garbage for control": call(address, "ModelReady", b"\xff" * 40),
        "shape": call(address, "ModelInfer", wrong.SerializeToString()),
        "model": call(address, "ModelInfer", pb.ModelInferRequest(model_name="none").SerializeToString()),
        "our fault": call(address, "ModelInfer", broken.SerializeToString()),
        "no such method": call(address, "RepositoryIndex", b""),
    }


def replica_pids() -> list[int]:
    """Processes name themselves after the actor in them; of this namespace, so of this cluster."""
    lines = {path.parent.name: path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")}
    return [int(pid) for pid, line in lines.items() if line.startswith(b"ray::ServeReplica")]


def one(export: Path) -> dict[str, Any]:
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error")
    (address,) = run_application(export, replicas=2)
    told = errors(address, export)
    load = Load(export, [address])
    load.wait_for(100)
    victims = replica_pids()
    os.kill(victims[0], signal.SIGKILL)
    load.wait_for(200)
    return {"errors": told, "replicas": len(victims), "load": load.stop()}


def two(export: Path) -> dict[str, Any]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    second = cluster.add_node(num_cpus=2)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    addresses = run_application(export, replicas=3, proxies="HeadOnly")
    load = Load(export, sorted(set(addresses)))
    load.wait_for(100)
    nodes = sum(node["Alive"] for node in ray.nodes())
    cluster.remove_node(second, allow_graceful=False)  # its processes are killed
    end = time.monotonic() + 90
    while sum(node["Alive"] for node in ray.nodes()) > 1 and time.monotonic() < end:
        time.sleep(0.2)
    load.wait_for(200)
    return {"nodes": nodes, "left": sum(node["Alive"] for node in ray.nodes()), "load": load.stop()}


if __name__ == "__main__":
    raise_loopback()
    found = {"one": one, "two": two}[sys.argv[1]](Path(sys.argv[2]))
    print("FOUND " + json.dumps(found), flush=True)
    serve.shutdown()
    os._exit(0)  # Ray's own goodbye takes longer than all of this
