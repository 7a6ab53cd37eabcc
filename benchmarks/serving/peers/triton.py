"""Triton out of PyTriton's wheel, which has its Python backend alone: a model there calls ONNX Runtime."""

import os
import shutil
import sysconfig
from pathlib import Path

from benchmarks.serving.process import Launch, free_port
from benchmarks.serving.workload import Workload

INSTANCE_AND_BATCHING = "instance_group { count: 1 kind: KIND_CPU }\ndynamic_batching { }\n"


def launch(python: Path, folder: Path, workload: Workload) -> Launch:
    """One instance; batching as for ours."""
    (site,) = (python.parents[1] / "lib").glob("python3.*/site-packages")
    server = site / "pytriton" / "tritonserver"
    _copy_backends(server, folder, site.parent.name.removeprefix("python"))
    version = folder / "repository" / workload.model / "1"
    version.mkdir(parents=True)
    shutil.copy(workload.graph, version)
    shutil.copy(folder / "triton_model.py", version / "model.py")
    shutil.copy(folder / "graph.py", version)
    config = workload.configuration("python") + INSTANCE_AND_BATCHING
    (version.parent / "config.pbtxt").write_text(config, encoding="utf-8")
    port = free_port()
    options = {
        "model-repository": folder / "repository",
        "backend-directory": folder / "backends",
        "grpc-address": "127.0.0.1",
        "grpc-port": port,
        "model-control-mode": "explicit",
        "load-model": workload.model,
        "allow-http": "false",
        "allow-metrics": "false",
    }
    libraries = [sysconfig.get_config_var("LIBDIR"), site / "nvidia_pytriton.libs"]
    variables = {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "PYTHONPATH": str(site),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return Launch([server / "bin" / "tritonserver", *flags], port, variables)


def _copy_backends(server: Path, folder: Path, version: str) -> None:
    shutil.copytree(server / "backends", folder / "backends")
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    shutil.copy(stub, folder / "backends" / "python")
