"""What a part of a network holds and does."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(module: nn.Module) -> int:
    """Count the numbers that are trained: weights and biases, without running statistics."""
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def count_operations(module: nn.Module, *inputs: Tensor) -> int:
    """Count the floating-point operations of one run at inference.

    Args:
        module: put in evaluation mode.
        inputs: what it is called with; on the meta device, nothing is computed.

    Returns:
        Those of convolutions and matrix products, an addition and a multiplication counted as two;
        elementwise work is left out.
    """
    with FlopCounterMode(display=False) as counter:
        module.eval()(*inputs)
    return int(counter.get_total_flops())
