"""A gRPC core for Python outside the interpreter lock, with the least possible around the graph."""

from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import Workload


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """Two threads that run the graph."""
    port = free_port()
    return Launch([python, folder / "native_server.py", workload.graph, str(port)], port)
