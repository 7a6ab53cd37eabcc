"""How far each exported graph is from PyTorch, and the processing graph from perfect equivariance.

Inputs come from a fixed seed, so no data set is needed: synthetic images of the decoy law for the encoder,
random features of their features' size under random angles for the rest. (Features of synthetic images are
so smooth that neighbours nearly tie in the pooling below.) Errors are relative L2 for each sample.

Max pooling by the norm is discontinuous (of two nearly equal norms another element is kept), so a rare
sample may be far off. Where there is such pooling the median and the 75% quantile are held to a tolerance
(VGG-16, with 0.3 million windows, had one such sample of 12), elsewhere the median and the largest error.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.checks.transmissions import rotated
from export.errors import ExportError
from export.graphs import EdgeDecoder, EdgeEncoder, Graphs
from export.session import open_graph
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork
from phasekey.model.layers import NormMaxPool2d
from phasekey.model.rotation import rotate, unrotate

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
    """Errors of the three graphs against PyTorch, and of the processing graph against equivariance."""

    encoder: Error
    processing: Error
    decoder: Error
    equivariance: Error
    batches: tuple[int, ...]

    def facts(self) -> dict[str, Any]:
        """As plain values, for the manifest."""
        return {**asdict(self), "batches": list(self.batches), "seed": SEED}

    def require(self, *, equivariant: bool, pools: bool) -> None:
        """Raise ExportError where an error is above its tolerance.

        equivariant: hold that error to it too. pools: whether there is pooling by the norm.
        """
        for name in (*ROLES, *(["equivariance"] if equivariant else [])):
            _require(name, getattr(self, name), pools and name in ("processing", "equivariance"))


def measure_parity(network: SplitNetwork, graphs: Graphs) -> Parity:
    """Run the graphs in ONNX Runtime beside PyTorch, at batches of 1, 2, 5 and 64."""
    sessions = {role: open_graph(getattr(graphs, role)) for role in ROLES}
    batches = tuple(n for n in BATCHES if n <= 5 or n * _bytes_of_x(network) <= MOST_BYTES)
    rounds = [_one_round(network, sessions, batch) for batch in batches]
    joined = {name: Error.of(np.concatenate([errors[name] for errors in rounds])) for name in rounds[0]}
    return Parity(**joined, batches=batches)


def _bytes_of_x(network: SplitNetwork) -> int:
    return 2 * 4 * math.prod(network.feature_shape)


@torch.no_grad()
def _one_round(network: SplitNetwork, sessions: Mapping[str, GraphSession], batch: int) -> dict[str, Floats]:
    generator = torch.Generator().manual_seed(SEED + batch)
    image = _images(network, sessions["encoder"], batch, generator)
    noise = torch.randn(batch, network.noise_size, generator=generator)
    theta = 2 * math.pi * torch.rand(batch, generator=generator)
    feature, _ = EdgeEncoder(network)(image, noise)
    a, b = feature.std() * torch.randn(2, *feature.shape, generator=generator)
    x = rotate(a, b, theta)
    h = network.processing(x)
    real = unrotate(h, theta)
    encoded = sessions["encoder"].run({"image": image.numpy(), "noise": noise.numpy()})
    straight = sessions["processing"].run({"x": rotate(a, b, torch.zeros(batch)).numpy()})["h"]
    turned = sessions["processing"].run({"x": x.numpy()})["h"]
    decoded = sessions["decoder"].run({"feature": real.numpy()})["probabilities"]
    return {
        "encoder": relative_l2(encoded["feature"], feature.numpy()),
        "processing": relative_l2(turned, h.numpy()),
        "decoder": relative_l2(decoded, EdgeDecoder(network)(real).numpy()),
        "equivariance": relative_l2(turned, turn(straight, theta.numpy())),
    }


def _images(network: SplitNetwork, encoder: GraphSession, batch: int, generator: torch.Generator) -> Tensor:
    noise = torch.randn(batch, network.sampler.noise_size, generator=generator)
    pixels: Tensor = network.sampler(noise).permute(0, 2, 3, 1).contiguous()
    return (255 * pixels).round().to(torch.uint8) if encoder.inputs[0].dtype == "uint8" else pixels


def relative_l2(found: NDArray[Any], expected: NDArray[Any]) -> Floats:
    """‖found − expected‖ / ‖expected‖ of each sample: (N, ...), (N, ...) -> (N,)."""
    difference = (found.astype(np.float64) - expected).reshape(len(found), -1)
    size = np.linalg.norm(expected.astype(np.float64).reshape(len(found), -1), axis=1)
    errors: Floats = (np.linalg.norm(difference, axis=1) / np.maximum(size, 1e-30)).astype(np.float32)
    return errors


def turn(pair: Floats, theta: NDArray[Any]) -> Floats:
    """e^{iθ}·f of a pair (N, 2C, ...), real block first, by theta (N,) in radians."""
    real, imaginary = np.split(pair, 2, axis=1)
    return rotated(real, imaginary, theta)


def pools_by_norm(network: SplitNetwork) -> bool:
    """Whether the processing module has max pooling by the norm, which is discontinuous."""
    return any(isinstance(layer, NormMaxPool2d) for layer in network.processing.modules())


def _require(name: str, error: Error, pools: bool) -> None:
    limit = TOLERANCES["float32"]
    words, upper = ("75% quantile", error.q75) if pools else ("largest", error.largest)
    if error.median > limit.median or upper > limit.upper:
        raise ExportError(
            f"{name}: relative L2 error of median {error.median:.1e} and {words} {upper:.1e} over "
            f"{error.samples} samples, expected at most {limit.median:.0e} and {limit.upper:.0e}; the "
            "exported graph does not compute what the network computes, so nothing was written"
        )
