"""MLServer."""

import json
from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import Workload


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """Without its pool of worker processes: on one core they add a copy and gain nothing."""
    port = free_port()
    settings = {
        "host": "127.0.0.1",
        "grpc_port": port,
        "http_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": workload.model,
        "implementation": "mlserver_model.OnnxModel",
        "inputs": [workload.tensor("x")],
        "outputs": [workload.tensor("h")],
        "parameters": {"uri": str(workload.graph)},
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    return Launch(
        [python.parent / "mlserver", "start", folder],
        port,
        {"PYTHONPATH": str(folder), "MLSERVER_DEBUG": "0"},
    )
