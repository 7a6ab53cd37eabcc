"""A model of Triton's Python backend: runs the model.onnx that lies beside it.

The wheel that Triton can be had from lacks the onnxruntime backend; this does for it what that would do.
"""

import sys
from pathlib import Path

import numpy as np
import triton_python_backend_utils as triton

sys.path.insert(0, str(Path(__file__).parent))
from graph import open_graph  # written beside this file


class TritonPythonModel:
    """One instance; Triton calls its methods."""

    def initialize(self, args):
        self.run = open_graph(Path(args["model_repository"], args["model_version"], "model.onnx"))

    def execute(self, requests):
        parts = [triton.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        h = self.run(parts[0] if len(parts) == 1 else np.concatenate(parts))
        ends = np.cumsum([len(part) for part in parts])
        return [_answer(h[end - len(part) : end]) for part, end in zip(parts, ends, strict=True)]


def _answer(h):
    return triton.InferenceResponse([triton.Tensor("h", h)])
