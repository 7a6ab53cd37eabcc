"""Running ONNX graphs. The only package that imports ONNX Runtime.

The ONNX Runtime wheel keeps telemetry state (a device id, a database under the user's cache) unless
this variable is set before its first import; switching it off afterwards comes too late. So it is set
here, ahead of every import of ours, and whatever value it had before. ONNX Runtime itself is imported when
the first graph is opened.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from phasekey.graph_runtime.errors import GraphError
from phasekey.graph_runtime.session import GraphSession

__all__ = ["GraphError", "GraphSession"]
