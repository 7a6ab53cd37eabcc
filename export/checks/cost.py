"""What a prediction costs on each side: floating-point operations and bytes on the wire, for one image."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from phasekey.bundle import TensorSpec
from phasekey.model import SplitNetwork
from phasekey.model.counting import count_work


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
    work = count_work(network)
    samples = network.components if network.secret == "permutation" else 1  # of one image
    return Cost(
        work.encode,
        work.processing,
        work.decoder,
        work.whole,
        samples * _bytes(x),
        samples * _bytes(h),
    )


def _bytes(spec: TensorSpec) -> int:
    sizes: Sequence[int] = [size or 1 for size in spec.shape[1:]]
    return math.prod(sizes) * np.dtype(spec.dtype).itemsize
