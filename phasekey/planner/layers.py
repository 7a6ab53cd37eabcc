"""What each layer of a plain network costs, and where it can be cut. Needs torch, on no real data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from phasekey.model import description as d
from phasekey.model.counting import count_operations
from phasekey.model.description import Architecture
from phasekey.model.layers.build import Builder, Shape

# A cut before one of these would send what the device could still shrink or normalise at almost no cost.
_CHEAP = (d.Activation, d.BatchNorm, d.MaxPool, d.AvgPool, d.Flatten, d.Dropout)


@dataclass(frozen=True)
class LayerCost:
    """One layer of the description, in the plain (real) form.

    Attributes:
        kind: the description's name of it, e.g. "Conv".
        operations: floating-point operations for one image; an addition and a multiplication count as two,
            elementwise work is left out.
        shape: of its result for one image, (C, H, W) or (D,).
        ends_a_step: whether the network can be cut after it.
    """

    kind: str
    operations: int
    shape: Shape
    ends_a_step: bool


def layer_costs(
    architecture: Architecture, *, classes: int, image: tuple[int, int, int]
) -> tuple[LayerCost, ...]:
    """Count the operations of a network layer by layer.

    Args:
        architecture: the description; its split points are not used.
        classes: values that the last layer gives.
        image: (C, H, W) of one input.

    Returns:
        One entry for each layer of the description, in order.

    Raises:
        ModelError: the image is too small for the layers.
    """
    builder = Builder(image, classes, architecture.threshold)
    costs: list[LayerCost] = []
    with torch.device("meta"):  # shapes without the work
        for index, layer in enumerate(architecture.layers):
            before = builder.shape
            operations = count_operations(builder.layer(layer).eval(), torch.zeros(1, *before))
            kind = type(layer).__name__
            costs.append(LayerCost(kind, operations, builder.shape, _ends(architecture.layers, index)))
    return tuple(costs)


def _ends(layers: Sequence[d.Layer], index: int) -> bool:
    following = layers[index + 1] if index + 1 < len(layers) else None
    return following is not None and not isinstance(following, _CHEAP)


def head_operations(shape: Shape, head: str) -> int:
    """Operations of what the encoder ends in, for one image.

    Args:
        shape: of the feature, (C, H, W) or (D,).
        head: "paper", four 3 × 3 convolutions (Appendix B); "light", one 1 × 1 convolution; "none".

    Returns:
        Floating-point operations, counted as in `LayerCost`.
    """
    taps = {"paper": 4 * 9, "light": 1, "none": 0}[head]
    channels, positions = shape[0], math.prod(shape[1:])
    return 2 * taps * channels * channels * positions
