"""Running a graph that is not on disk yet."""

import tempfile
from pathlib import Path

import onnx

from phasekey.graph_runtime import GraphSession


def open_graph(model: onnx.ModelProto) -> GraphSession:
    """The runtime's session of a model in memory; it loads from files alone, so for a moment there is one.

    Raises GraphError where ONNX Runtime does not take the graph.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        path.write_bytes(model.SerializeToString())
        return GraphSession(path)
