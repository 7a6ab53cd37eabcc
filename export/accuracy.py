"""The share of right answers through the graphs that are shipped: encode, rotate, wire, process, decode."""

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from export.calibration import BATCH, features
from export.errors import ExportError
from export.graphs import Graphs
from export.session import open_graph
from phasekey.bundle import WireSpec
from phasekey.model.rotation import unrotate
from sdk.wire_format import from_wire, to_wire


def predict_through(
    graphs: Graphs, wire: WireSpec, images: NDArray[np.uint8], *, seed: int = 0
) -> NDArray[np.int64]:
    """The classes (N,) of images uint8 (N, H, W, C).

    graphs: as shipped, the processing graph with ends of the wire's type. θ and decoys are drawn from the
    seed, so two exports of one network see the same x.
    """
    encoder, processing, decoder = (
        open_graph(m) for m in (graphs.encoder, graphs.processing, graphs.decoder)
    )
    chosen = []
    batches = tqdm(
        features(encoder, images, seed=seed), "scoring", -(-len(images) // BATCH), leave=False, disable=None
    )
    for x, theta in batches:
        h = from_wire(processing.run({"x": to_wire(x, wire)})["h"], wire)
        feature = unrotate(torch.from_numpy(h), torch.from_numpy(theta)).float().numpy()
        chosen.append(decoder.run({"feature": feature})["probabilities"].argmax(axis=1))
    return np.concatenate(chosen).astype(np.int64)


def accuracy_through(
    graphs: Graphs, wire: WireSpec, images: NDArray[np.uint8], labels: NDArray[np.int64], *, seed: int = 0
) -> float:
    """The share of images whose class is right, 0 to 1; see predict_through. labels: (N,).

    Raises ExportError for labels of attributes, which have no one right class.
    """
    if labels.ndim != 1:
        raise ExportError(f"accuracy needs one class for each image, got labels of shape {labels.shape}")
    return float((predict_through(graphs, wire, images, seed=seed) == labels).mean())
