"""The processing graph on the device, for when the cloud cannot be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from phasekey.bundle import LOCAL_FALLBACK, Manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.graph_runtime import GraphError, GraphSession
from sdk.errors import ConfigurationError

Array = np.ndarray[Any, np.dtype[Any]]


def has_local(manifest: Manifest) -> bool:
    """Whether the export put the processing graph beside the encoder."""
    return bool(manifest.export.get(LOCAL_FALLBACK))


class LocalProcessing:
    """Computes h of x on this device: what the server would have answered. Safe in several threads at once.

    Args:
        folder: the edge folder.
        manifest: of the bundle.

    Raises:
        ConfigurationError: the bundle holds no processing graph, or another one than the cloud's.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        if not has_local(manifest):
            raise ConfigurationError(
                "on_unavailable='local' takes a bundle that holds the processing graph: export it with "
                "--with-local-fallback."
            )
        path = folder / str(manifest.export[LOCAL_FALLBACK])
        try:
            if sha256_of_file(path) != manifest.processing.sha256:
                raise ConfigurationError(f"{path} is not the cloud's graph. Copy the whole bundle again.")
            self._graph = GraphSession(path)
        except (OSError, GraphError) as error:
            raise ConfigurationError(f"{path} cannot be loaded. Copy the whole bundle again.") from error

    def __call__(self, x: Array) -> Array:
        """H of x, (N, kC, …), both in the wire's type."""
        return self._graph.run({"x": x})["h"]
