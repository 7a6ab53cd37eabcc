"""How far each exported graph is from PyTorch, and the processing graph from perfect equivariance.

Inputs are synthetic images of the decoy law under random angles, from a fixed seed: no data set is
needed, and features have the statistics of real ones. Errors are relative L2 for each sample. Max pooling
by the norm is discontinuous (two nearly equal norms, and another element is kept), so a rare sample may be
far off: the median and the 95% quantile are held to a tolerance, and the largest error is only told.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.errors import ExportError
from export.graphs import EdgeDecoder, EdgeEncoder, Graphs
from export.session import open_graph
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork
from phasekey.model.rotation import rotate, unrotate

BATCHES = (1, 2, 5, 64)
MOST_BYTES = 128 * 2**20  # of x in one batch; of larger networks the batch of 64 is left out
SEED = 0
ROLES = ("encoder", "processing", "decoder")
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tolerance:
    """Largest median and 95% quantile of the relative L2 error that an export may have."""

    median: float
    q95: float


# Both sides compute in float32; what differs is the order of sums.
TOLERANCES = {"float32": Tolerance(1e-5, 1e-4)}


@dataclass(frozen=True)
class Error:
    """Relative L2 errors over samples."""

    median: float
    q95: float
    largest: float
    samples: int

    @classmethod
    def of(cls, errors: Floats) -> "Error":
        """Summarise the errors of single samples, (N,); three significant digits."""
        median, q95, largest = (float(f"{np.quantile(errors, q):.2e}") for q in (0.5, 0.95, 1.0))
        return cls(median, q95, largest, len(errors))


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

    def require(self, *, equivariant: bool) -> None:
        """Raise ExportError where an error is above its tolerance; the last one only if `equivariant`."""
        for name in (*ROLES, *(["equivariance"] if equivariant else [])):
            _require(name, getattr(self, name))


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
    feature, decoy = EdgeEncoder(network)(image, noise)
    x = rotate(feature, decoy, theta)
    h = network.processing(x)
    real = unrotate(h, theta)
    encoded = sessions["encoder"].run({"image": image.numpy(), "noise": noise.numpy()})
    straight = sessions["processing"].run({"x": rotate(feature, decoy, torch.zeros(batch)).numpy()})["h"]
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
    shape = (-1, *[1] * (pair.ndim - 1))
    cos, sin = np.cos(theta).reshape(shape), np.sin(theta).reshape(shape)
    return np.concatenate([real * cos - imaginary * sin, real * sin + imaginary * cos], axis=1)


def _require(name: str, error: Error) -> None:
    limit = TOLERANCES["float32"]
    if error.median > limit.median or error.q95 > limit.q95:
        raise ExportError(
            f"{name}: relative L2 error of median {error.median:.1e} and 95% quantile {error.q95:.1e} over "
            f"{error.samples} samples, expected at most {limit.median:.0e} and {limit.q95:.0e}; the exported "
            "graph does not compute what the network computes, so nothing was written"
        )
