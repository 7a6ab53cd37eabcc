"""A graph of the bundle, loaded and known to be what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import EdgeRuntimeError
from phasekey.bundle import GraphFile
from phasekey.graph_runtime import GraphError, GraphSession

Array = np.ndarray[Any, np.dtype[Any]]


class EdgeGraph:
    """One of the two graphs on the device, on the CPU. Safe to use from several threads at once.

    Raises:
        EdgeRuntimeError: the file does not load, or has other inputs and outputs than the manifest says.
    """

    def __init__(self, directory: Path, described: GraphFile, threads: int) -> None:
        path = Path(directory) / described.file
        try:
            self._session = GraphSession(path, threads=threads)
        except GraphError as error:
            raise EdgeRuntimeError(str(error)) from error
        if (self._session.inputs, self._session.outputs) != (described.inputs, described.outputs):
            raise EdgeRuntimeError(
                f"{path} has other inputs or outputs than its manifest says. Copy the whole bundle again."
            )

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once.

        Raises:
            EdgeRuntimeError: an array does not fit its input, or the run failed.
        """
        try:
            return self._session.run(feeds)
        except GraphError as error:
            raise EdgeRuntimeError(str(error)) from error
