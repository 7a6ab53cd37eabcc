"""Two uses of ONNX's MaxPool that torch has no operator for. They mean something in a traced graph only."""

from typing import Any

import torch
from torch import Tensor

from phasekey.model.layers.equivariant import NormMaxPool2d

WIDEST_BLOCK = 16  # channels in a block of ONNX Runtime's blocked layout (NCHWc): 16 with AVX-512, else 8
_VERSION = 12


def max_pool(norm: Tensor, pool: NormMaxPool2d) -> tuple[Tensor, Tensor]:
    """Largest norm of each window, and where it lies in its plane: (N, C, H, W) -> 2 × (N, C, H', W').

    ONNX counts through the whole tensor; the remainder is the position in the plane. torch's own exporter
    gets there by a second MaxPool, a slice and a subtraction.
    """
    batch, channels, height, width = norm.shape
    shape = (batch, channels, _windows(height, pool), _windows(width, pool))
    attributes: dict[str, Any] = {
        "kernel_shape": [pool.kernel] * 2,
        "strides": [pool.stride] * 2,
        "pads": [pool.padding] * 4,
    }
    values, where = torch.onnx.ops.symbolic_multi_out(
        "MaxPool",
        (norm,),
        attributes,
        dtypes=(norm.dtype, torch.int64),
        shapes=(shape, shape),
        version=_VERSION,
    )
    return values, where % (height * width)


def _windows(side: int, pool: NormMaxPool2d) -> int:
    return (side + 2 * pool.padding - pool.kernel) // pool.stride + 1


def into_blocks(factor: Tensor) -> Tensor:
    """The same (N, C, H, W), by a 1 × 1 pooling: nothing changes but where ONNX Runtime keeps it.

    It multiplies two tensors in its blocked layout only if both are there already, and root and clip leave
    their result outside. Without it, both parts of f would be brought out for δ and back for the convolution.
    """
    if factor.dim() != 4 or factor.shape[1] % WIDEST_BLOCK:
        return factor
    blocked: Tensor = torch.onnx.ops.symbolic(
        "MaxPool",
        (factor,),
        {"kernel_shape": [1, 1]},
        dtype=factor.dtype,
        shape=factor.shape,
        version=_VERSION,
    )
    return blocked
