"""cloud_runtime, as an operator starts it."""

import shutil
from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import Workload


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """With defaults throughout, and batching as the configuration may ask for it."""
    version = folder / "repository" / workload.model / "1"
    version.mkdir(parents=True)
    shutil.copy(workload.graph, version)
    config = workload.configuration("onnxruntime") + "dynamic_batching { }\n"
    (version.parent / "config.pbtxt").write_text(config, encoding="utf-8")
    port = free_port()
    command: list[str | Path] = [python, "-m", "cloud_runtime", "--model-repository", folder / "repository"]
    root = Path(__file__).resolve().parents[3]
    return Launch([*command, "--listen", f"127.0.0.1:{port}"], port, {"PYTHONPATH": str(root)})
