"""Running a graph that is not on disk yet."""

import onnx

from phasekey.graph_runtime import GraphSession


def open_graph(model: onnx.ModelProto) -> GraphSession:
    """Load a model in memory on one thread.

    Raises:
        GraphError: ONNX Runtime does not take the graph.
    """
    return GraphSession(model.SerializeToString())
