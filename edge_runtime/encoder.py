"""The encoder g: images to features (Xiang et al. 2020, section 3)."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.graph import Array, EdgeGraph
from phasekey.bundle import Manifest

_logger = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]


class Encoder:
    """Computes a = g(I) and fresh decoys b = g(I'). Safe to use from several threads at once.

    Args:
        directory: the edge folder of a bundle.
        manifest: that bundle's manifest.
        threads: threads within one run; 0 takes every core.

    Raises:
        EdgeRuntimeError: the encoder's file does not load, or is not what the manifest says.
    """

    def __init__(self, directory: Path, manifest: Manifest, *, threads: int = 1) -> None:
        self._graph = EdgeGraph(directory, manifest.encoder, threads)
        self._archived = manifest.decoy.archived
        if manifest.proof.warning:
            _logger.warning("%s: %s", manifest.model_name, manifest.proof.warning)

    def encode(self, images: Array, noise: Floats) -> tuple[Floats, Floats]:
        """Encode images, and draw k - 1 decoys for each.

        Args:
            images: (N, H, W, C), as ``load_images`` gives them.
            noise: (N, (k - 1)·Z) float32, standard normal, secret; the decoys follow from it.

        Returns:
            The features a, (N, C', H', W') float32, and the decoys, (N, (k - 1)·C', H', W') in blocks.

        Raises:
            EdgeRuntimeError: the arrays do not fit the encoder, or it draws no decoys.
        """
        if self._archived:
            raise EdgeRuntimeError("This bundle's encoder draws no decoys: they come from an archive.")
        results = self._graph.run({"image": images, "noise": noise})
        return results["feature"], results["decoy"]

    def features(self, images: Array) -> Floats:
        """Encode images alone, for bundles whose decoys are the features of other images.

        Args:
            images: (N, H, W, C), as ``load_images`` gives them.

        Returns:
            (N, C', H', W') float32, or (N, D) behind a bottleneck.

        Raises:
            EdgeRuntimeError: the array does not fit the encoder, or it draws decoys by itself.
        """
        if not self._archived:
            raise EdgeRuntimeError("This bundle's encoder draws decoys from noise: use encode.")
        return self._graph.run({"image": images})["feature"]
