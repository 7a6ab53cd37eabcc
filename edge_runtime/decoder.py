"""The decoder d: revealed features to probabilities (Xiang et al. 2020, section 3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import EdgeGraph
from phasekey.bundle import Manifest

Floats = npt.NDArray[np.float32]


class Decoder:
    """Computes y = d(row 0 of Qᵀh); of a rotation that is Re[h e^{-iθ}].

    Safe to use from several threads at once.

    Args:
        directory: the edge folder of a bundle.
        manifest: that bundle's manifest.
        threads: threads within one run; 0 takes every core.

    Raises:
        EdgeRuntimeError: the decoder's file does not load, or is not what the manifest says.
    """

    def __init__(self, directory: Path, manifest: Manifest, *, threads: int = 1) -> None:
        self._graph = EdgeGraph(directory, manifest.decoder, threads)

    def decode(self, feature: Floats) -> Floats:
        """Decode processed features after they were revealed.

        Args:
            feature: (N, D, …) float32, row 0 of Qᵀh.

        Returns:
            Probabilities (N, K) float32, each row summing to 1.

        Raises:
            EdgeRuntimeError: the array does not fit the decoder.
        """
        return self._graph.run({"feature": feature})["probabilities"]
