"""KServe's model server."""

import json
from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import Workload


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """With its defaults."""
    port = free_port()
    command: list[str | Path] = [
        python,
        folder / "kserve_server.py",
        workload.graph,
        workload.model,
        str(port),
        str(free_port()),
        json.dumps({side: [workload.tensor(name)] for side, name in (("inputs", "x"), ("outputs", "h"))}),
    ]
    return Launch(command, port)
