"""The encoder g: images to features (Xiang et al. 2020, section 3)."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Array, EdgeGraph
from phasekey.bundle import Manifest

_logger = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]


class Encoder:
    """Computes a = g(I) and a fresh decoy b = g(I'). Safe to use from several threads at once.

    Args:
        directory: the edge folder of a bundle.
        manifest: that bundle's manifest.
        threads: threads within one run; 0 takes every core.

    Raises:
        EdgeRuntimeError: the encoder's file does not load, or is not what the manifest says.
    """

    def __init__(self, directory: Path, manifest: Manifest, *, threads: int = 1) -> None:
        self._graph = EdgeGraph(directory, manifest.encoder, threads)
        if manifest.proof.warning:
            _logger.warning("%s: %s", manifest.model_name, manifest.proof.warning)

    def encode(self, images: Array, noise: Floats) -> tuple[Floats, Floats]:
        """Encode images, and draw one decoy for each.

        Args:
            images: (N, H, W, C), as ``load_images`` gives them.
            noise: (N, Z) float32, standard normal, secret; the decoys follow from it.

        Returns:
            The features a and the decoys b, both (N, C', H', W') float32.

        Raises:
            EdgeRuntimeError: the arrays do not fit the encoder.
        """
        results = self._graph.run({"image": images, "noise": noise})
        return results["feature"], results["decoy"]
