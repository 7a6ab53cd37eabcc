"""ONNX Runtime as the product sets it up: one thread, no spinning, all optimisations."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

import phasekey.graph_runtime  # noqa: F401 - switches telemetry off, before ONNX Runtime is imported

Array = np.ndarray[Any, np.dtype[Any]]


def open_session(model: onnx.ModelProto, *, profile: Path | None = None) -> Any:
    """An InferenceSession of the graph; profile: where its profile goes, see ONNX Runtime's documentation."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def profile(model: onnx.ModelProto, x: Array, runs: int) -> dict[str, tuple[int, float]]:
    """Operator -> how many nodes, and their microseconds in one run (medians), slowest first."""
    with TemporaryDirectory() as folder:
        session = open_session(model, profile=Path(folder) / "profile")
        for _ in range(runs):
            session.run(None, {"x": x})
        events = json.loads(Path(session.end_profiling()).read_text())
    return by_operator(events)


def by_operator(events: list[dict[str, Any]]) -> dict[str, tuple[int, float]]:
    """From ONNX Runtime's profile events."""
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            durations[event["args"]["op_name"], event["name"]].append(event["dur"])
    table: dict[str, tuple[int, float]] = {}
    for (operator, _), values in durations.items():
        count, total = table.get(operator, (0, 0.0))
        table[operator] = (count + 1, total + median(values))
    return dict(sorted(table.items(), key=lambda item: -item[1][1]))
