"""What a prediction costs on each side: floating-point operations and bytes on the wire, for one image."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from export.graphs import ArchiveEncoder, EdgeEncoder
from phasekey.bundle import TensorSpec
from phasekey.model import SplitNetwork
from phasekey.model.canonical import Canonical
from phasekey.model.counting import count_operations


@dataclass(frozen=True)
class Cost:
    """For one image. Operations are those of convolutions and matrix products, an addition and a
    multiplication counted as two; elementwise work is left out. The encoder runs on the image and
    on what its decoys are made of; decoys of an archive are encoded ahead, and are not counted."""

    flops_encoder: int
    flops_processing: int
    flops_decoder: int
    flops_plain: int  # of the same network without hiding: one image, one component, all in one place
    bytes_up: int  # of x alone, without the message around it
    bytes_down: int  # of h alone

    def facts(self) -> dict[str, int]:
        """As plain values, for the manifest."""
        return asdict(self)


def measure_cost(network: SplitNetwork, x: TensorSpec, h: TensorSpec) -> Cost:
    """Count by running each part once on one sample.

    Args:
        network: the trained network.
        x: what travels up, batch first.
        h: what travels down, batch first.

    Returns:
        Operations of each part, and bytes on the wire.
    """
    channels, height, width = network.image
    image = torch.zeros(1, height, width, channels, dtype=torch.uint8)
    k, (first, *rest) = network.components, network.feature_shape
    samples = k if network.secret == "permutation" else 1  # of one image
    noise = torch.zeros(1, (k - 1) * network.noise_size)
    archived = network.decoy_source == "archive"
    alone = count_operations(ArchiveEncoder(network), image)
    processing = count_operations(network.processing, torch.zeros(samples, k // samples * first, *rest))
    decoder = count_operations(network.decoder, torch.zeros(1, *network.processed_shape))
    component = processing // k
    if isinstance(network.processing, Canonical):  # without the frame
        component = count_operations(network.processing.layers, torch.zeros(1, first, *rest))
    return Cost(
        alone if archived else count_operations(EdgeEncoder(network), image, noise),
        processing,
        decoder,
        alone + component + decoder,
        samples * _bytes(x),
        samples * _bytes(h),
    )


def _bytes(spec: TensorSpec) -> int:
    sizes: Sequence[int] = [size or 1 for size in spec.shape[1:]]
    return math.prod(sizes) * np.dtype(spec.dtype).itemsize
