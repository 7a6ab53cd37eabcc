"""A model of Triton's Python backend: runs the model.onnx that lies beside it.

The wheel that Triton can be had from lacks the onnxruntime backend; this does for it what that would do.
"""

import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """One instance of the model; Triton calls its methods."""

    def initialize(self, args):
        """Load the graph of the version that is to be served."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        graph = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        """Answer each request, x -> h."""
        return [self._answer(triton.get_input_tensor_by_name(r, "x").as_numpy()) for r in requests]

    def _answer(self, x):
        (h,) = self.session.run(["h"], {"x": x})
        return triton.InferenceResponse([triton.Tensor("h", h)])
