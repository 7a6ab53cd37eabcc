"""The share of right answers through the graphs that are shipped: encode, hide, wire, process, decode."""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from export.checks.transmissions import BATCH, revealed, transmissions
from export.graphs import Graphs
from export.session import open_graph
from phasekey.bundle import WireSpec
from phasekey.model import SplitNetwork
from sdk.wire_format import from_wire, to_wire


def probabilities_through(
    network: SplitNetwork, graphs: Graphs, wire: WireSpec, images: NDArray[np.uint8], *, seed: int = 0
) -> NDArray[np.float32]:
    """Predict through the graphs, with secrets and decoys drawn from a seed.

    Args:
        network: what the graphs were made from.
        graphs: as shipped, the processing graph with ends of the wire's type.
        wire: type and scales.
        images: uint8 (N, H, W, C).
        seed: of the draw; two exports of one network see the same x.

    Returns:
        Probabilities (N, K) float32.
    """
    encoder, processing, decoder = (
        open_graph(m) for m in (graphs.encoder, graphs.processing, graphs.decoder)
    )
    parts = []
    batches = tqdm(
        transmissions(network, encoder, images, seed=seed),
        "scoring",
        -(-len(images) // BATCH),
        leave=False,
        disable=None,
    )
    permuted = network.secret == "permutation"
    for x, secret in batches:
        sent = to_wire(x, wire, 1 if permuted else network.components)
        h = from_wire(processing.run({"x": sent})["h"], wire)
        feature = revealed(h, secret, permuted=permuted)
        parts.append(decoder.run({"feature": feature})["probabilities"])
    return np.concatenate(parts)


def accuracy_through(
    network: SplitNetwork,
    graphs: Graphs,
    wire: WireSpec,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    seed: int = 0,
) -> float:
    """Score the graphs on images whose labels are known; see probabilities_through.

    Args:
        network: what the graphs were made from.
        graphs: as shipped.
        wire: type and scales.
        images: uint8 (N, H, W, C).
        labels: (N,) classes; or (N, A) attributes, of which each counts alike.
        seed: of secrets and decoys.

    Returns:
        The share of right answers, 0 to 1.
    """
    probabilities = probabilities_through(network, graphs, wire, images, seed=seed)
    if labels.ndim == 1:
        return float((probabilities.argmax(axis=1) == labels).mean())
    return float(((probabilities > 0.5) == (labels > 0)).mean())
