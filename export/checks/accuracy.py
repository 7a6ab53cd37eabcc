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
    """The probabilities (N, K) of images uint8 (N, H, W, C).

    graphs: of the network, as shipped, the processing graph with ends of the wire's type. Secrets and decoys
    are drawn from the seed, so two exports of one network see the same x.
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
    """The share of right answers, 0 to 1; see probabilities_through.

    labels: (N,) classes; or (N, A) attributes, of which each counts alike.
    """
    probabilities = probabilities_through(network, graphs, wire, images, seed=seed)
    if labels.ndim == 1:
        return float((probabilities.argmax(axis=1) == labels).mean())
    return float(((probabilities > 0.5) == (labels > 0)).mean())
