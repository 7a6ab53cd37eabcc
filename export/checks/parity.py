"""How far each exported graph is from PyTorch, and the processing graph from perfect equivariance.

Inputs come from a fixed seed, so no data set is needed: synthetic images of the decoy law for the encoder,
random features of their features' size under random secrets for the rest. (Features of synthetic images are
so smooth that neighbours nearly tie in the pooling below.) Errors are relative L2 for each sample.

Max pooling by the norm is discontinuous (of two nearly equal norms another element is kept), so a rare
sample may be far off. Where there is such pooling the median and the 75% quantile are held to a tolerance
(VGG-16, with 0.3 million windows, had one such sample of 12), elsewhere the median and the largest error.
So it is with the canonical form, whose search may rarely end elsewhere; its features are as a ReLU leaves
them.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.checks.transmissions import hidden, revealed, synthetic_images
from export.errors import ExportError
from export.graphs import EdgeDecoder, Graphs, pixels_of
from export.session import open_graph
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork
from phasekey.model.hiding.secrets import draw_secret
from phasekey.model.layers.canonical import Canonical
from phasekey.model.layers.equivariant import NormMaxPool2d

BATCHES = (1, 2, 5, 64)
MOST_BYTES = 128 * 2**20  # of x in one batch; of larger networks the batch of 64 is left out
SEED = 0
ROLES = ("encoder", "processing", "decoder")
QUANTILES = (0.5, 0.75, 0.95, 1.0)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tolerance:
    """What an export's relative L2 error may come to: the median, and the upper end as the module says."""

    median: float
    upper: float


# Both sides compute in float32; what differs is the order of sums.
TOLERANCES = {"float32": Tolerance(1e-5, 1e-4)}


@dataclass(frozen=True)
class Error:
    """Relative L2 errors over samples."""

    median: float
    q75: float
    q95: float
    largest: float
    samples: int

    @classmethod
    def of(cls, errors: Floats) -> "Error":
        """Summarise the errors of single samples, (N,); three significant digits."""
        median, q75, q95, largest = (float(f"{np.quantile(errors, q):.2e}") for q in QUANTILES)
        return cls(median, q75, q95, largest, len(errors))


@dataclass(frozen=True)
class Parity:
    """Errors of the three graphs against PyTorch, and of the processing graph against equivariance.

    Of a permutation, equivariance is that samples in another order get the answers in that order.
    """

    encoder: Error
    processing: Error
    decoder: Error
    equivariance: Error
    batches: tuple[int, ...]

    def facts(self) -> dict[str, Any]:
        """As plain values, for the manifest."""
        return {**asdict(self), "batches": list(self.batches), "seed": SEED}

    def require(self, *, equivariant: bool, pools: bool) -> None:
        """Hold each error to its tolerance.

        Args:
            equivariant: hold the error of equivariance to it too.
            pools: whether there is pooling by the norm, or a frame.

        Raises:
            ExportError: one is above it; says which, and by how much.
        """
        for name in (*ROLES, *(["equivariance"] if equivariant else [])):
            _require(name, getattr(self, name), pools and name in ("processing", "equivariance"))


def measure_parity(network: SplitNetwork, graphs: Graphs) -> Parity:
    """Run the graphs in ONNX Runtime beside PyTorch, at batches of 1, 2, 5 and 64.

    Args:
        network: in inference mode.
        graphs: as traced, of float32.

    Returns:
        Relative L2 errors by sample, summarised for each graph.
    """
    sessions = {role: open_graph(getattr(graphs, role)) for role in ROLES}
    batches = tuple(n for n in BATCHES if n <= 5 or n * _bytes_of_x(network) <= MOST_BYTES)
    rounds = [_one_round(network, sessions, batch) for batch in batches]
    joined = {name: Error.of(np.concatenate([errors[name] for errors in rounds])) for name in rounds[0]}
    return Parity(**joined, batches=batches)


def _bytes_of_x(network: SplitNetwork) -> int:
    return network.components * 4 * math.prod(network.feature_shape)


@torch.no_grad()
def _one_round(network: SplitNetwork, sessions: Mapping[str, GraphSession], batch: int) -> dict[str, Floats]:
    generator = torch.Generator().manual_seed(SEED + batch)
    feeds, feature = _encode(network, sessions["encoder"], batch, generator)
    shape = (batch, network.components, *feature.shape[1:])
    rows = (feature.std() * torch.randn(*shape, generator=generator)).numpy()
    rows = np.maximum(rows, 0) if network.form == "canonical" else rows
    secret = draw_secret(network.secret, batch, network.components, generator=generator)
    permuted = network.secret == "permutation"
    identity = torch.eye(network.components, dtype=secret.dtype).expand_as(secret)
    x = hidden(rows, secret, permuted=permuted)
    h = network.processing(torch.from_numpy(x)).numpy()
    found = torch.from_numpy(revealed(h, secret, permuted=permuted))
    encoded = sessions["encoder"].run(feeds)
    straight = sessions["processing"].run({"x": hidden(rows, identity, permuted=permuted)})["h"]
    turned = sessions["processing"].run({"x": x})["h"]
    decoded = sessions["decoder"].run({"feature": found.numpy()})["probabilities"]
    return {
        "encoder": relative_l2(encoded["feature"], feature.numpy()),
        "processing": relative_l2(turned, h),
        "decoder": relative_l2(decoded, EdgeDecoder(network)(found).numpy()),
        "equivariance": relative_l2(turned, turn(straight, secret, permuted=permuted)),
    }


def _encode(
    network: SplitNetwork, encoder: GraphSession, batch: int, generator: torch.Generator
) -> tuple[dict[str, NDArray[Any]], Tensor]:
    """What the encoder's graph is fed, and the feature by PyTorch."""
    image = synthetic_images(network, encoder.inputs[0].dtype, batch, generator)
    feeds: dict[str, NDArray[Any]] = {"image": image}
    if len(encoder.inputs) > 1:
        size = (network.components - 1) * network.noise_size
        feeds["noise"] = torch.randn(batch, size, generator=generator).numpy()
    return feeds, network.encoder(pixels_of(torch.from_numpy(image)))


def relative_l2(found: NDArray[Any], expected: NDArray[Any]) -> Floats:
    """Measure ‖found − expected‖ / ‖expected‖ of each sample.

    Args:
        found: (N, ...).
        expected: of the same shape.

    Returns:
        (N,) float32, 0 where both are the same.
    """
    difference = (found.astype(np.float64) - expected).reshape(len(found), -1)
    size = np.linalg.norm(expected.astype(np.float64).reshape(len(found), -1), axis=1)
    errors: Floats = (np.linalg.norm(difference, axis=1) / np.maximum(size, 1e-30)).astype(np.float32)
    return errors


def turn(blocks: Floats, secret: Tensor, *, permuted: bool = False) -> Floats:
    """Multiply each sample by its matrix: Q·f.

    Args:
        blocks: k blocks, (N, kC, ...), or samples, (Nk, C, ...) where permuted.
        secret: Q, (N, k, k).
        permuted: whether components are samples by themselves.

    Returns:
        float32 of the same shape.
    """
    rows = blocks.reshape(len(secret), secret.shape[1], -1)
    rest = blocks.shape[1:] if permuted else (blocks.shape[1] // secret.shape[1], *blocks.shape[2:])
    return hidden(rows.reshape(*rows.shape[:2], *rest), secret, permuted=permuted)


def pools_by_norm(network: SplitNetwork) -> bool:
    """Whether the processing module has max pooling by the norm or a frame, where little may change much."""
    return any(isinstance(layer, NormMaxPool2d | Canonical) for layer in network.processing.modules())


def _require(name: str, error: Error, pools: bool) -> None:
    limit = TOLERANCES["float32"]
    words, upper = ("75% quantile", error.q75) if pools else ("largest", error.largest)
    if error.median > limit.median or upper > limit.upper:
        raise ExportError(
            f"{name}: relative L2 error of median {error.median:.1e} and {words} {upper:.1e} over "
            f"{error.samples} samples, expected at most {limit.median:.0e} and {limit.upper:.0e}; the "
            "exported graph does not compute what the network computes, so nothing was written"
        )
