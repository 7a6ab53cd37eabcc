"""KServe's model server."""

from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import MODEL, Workload


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """With its defaults."""
    port = free_port()
    command: list[str | Path] = [
        python,
        folder / "kserve_server.py",
        workload.graph,
        MODEL,
        str(port),
        str(free_port()),
    ]
    return Launch(command, port)
