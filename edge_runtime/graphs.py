"""The two graphs on the device: the encoder g and the decoder d (Xiang et al. 2020, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EdgeRuntimeError
from phasekey.bundle import GraphFile, Manifest
from phasekey.bundle.checksums import sha256_of_bytes
from phasekey.graph_runtime import GraphError, GraphSession

Array = np.ndarray[Any, np.dtype[Any]]
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
        self._graph = _Graph(directory, manifest.encoder, threads)
        self._archived = manifest.decoy.archived
        if manifest.proof.warning:
            import logging  # here: few bundles have anything to say

            logging.getLogger(__name__).warning("%s: %s", manifest.model_name, manifest.proof.warning)

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
        self._graph = _Graph(directory, manifest.decoder, threads)

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


class _Graph:
    """A graph of the bundle, on the CPU, known to be what the manifest says. Safe in several threads at once.

    Raises:
        EdgeRuntimeError: the file does not load, or has other inputs and outputs than the manifest says.
    """

    def __init__(self, directory: Path, described: GraphFile, threads: int) -> None:
        path = Path(directory) / described.file
        try:
            content = path.read_bytes()  # what is checked is what is run, whoever swaps the file meanwhile
            if sha256_of_bytes(content) != described.sha256:
                raise EdgeRuntimeError(
                    f"{path} is not the graph of its manifest. Copy the whole bundle again."
                )
            self._session = GraphSession(content, threads=threads)
        except OSError as error:
            raise EdgeRuntimeError(
                f"{path} cannot be read: {error.strerror}. Copy the bundle again."
            ) from error
        except GraphError as error:
            raise EdgeRuntimeError(f"{path}: {error}") from error
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
