"""What a network and its parts hold and do."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from phasekey.model.layers.canonical import Canonical
from phasekey.model.network import SplitNetwork


@dataclass(frozen=True)
class Work:
    """Floating-point operations of a split network for one image, as `count_operations` counts them.

    Attributes:
        encoder: one pass of the encoder.
        drawn: decoys that a device makes of synthetic images for each answer, each by a pass of the encoder;
            0 where they are prepared, or need none.
        drawing: of all those synthetic images.
        processing: of the processing module, on all components.
        decoder: of the decoder.
        components: k.
        frame: of the processing module, what finds and applies the frame of a canonical form.
    """

    encoder: int
    drawn: int
    drawing: int
    processing: int
    decoder: int
    components: int
    frame: int = 0

    @property
    def encode(self) -> int:
        """On the device before the wire, while somebody waits."""
        return (1 + self.drawn) * self.encoder + self.drawing

    @property
    def device(self) -> int:
        """On the device in all, while somebody waits."""
        return self.encode + self.decoder

    @property
    def whole(self) -> int:
        """Of the same network without hiding: one image, one component, all in one place."""
        return self.encoder + (self.processing - self.frame) // self.components + self.decoder


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


def count_work(network: SplitNetwork) -> Work:
    """Count what the parts of a network do for one image.

    Args:
        network: in any form; put in evaluation mode. On the meta device, nothing is computed.

    Returns:
        Work; forms that hide nothing have one component.
    """
    k = network.components if network.has_secret else 1
    drawn = k - 1 if network.decoy_source == "gaussian-images" else 0
    device = network.sampler.mean.device
    samples = 1 if network.mixes else k  # a plain network takes components one by one
    first, *rest = network.feature_shape
    drawing = 2 * drawn * math.prod(network.sampler.components.shape)
    processing = count_operations(
        network.processing, torch.zeros(samples, k // samples * first, *rest, device=device)
    )
    frame = 0
    if isinstance(network.processing, Canonical):
        one = torch.zeros(1, first, *rest, device=device)
        frame = processing - k * count_operations(network.processing.layers, one)
    return Work(
        encoder=count_operations(network.encoder, torch.zeros(1, *network.image, device=device)),
        drawn=drawn,
        drawing=drawing,
        processing=processing,
        decoder=count_operations(network.decoder, torch.zeros(1, *network.processed_shape, device=device)),
        components=k,
        frame=frame,
    )
