"""What of a network travels: weights of the processing module and the decoder, and no buffer of any part.

Running statistics of norms are means over a device's own images; they are renewed from public images at the
end of a run instead. The encoder stays as it is unless it is thawed: its checksum, and so every x, stays too.
"""

import numpy as np
import torch
from torch import nn

from phasekey.federated.errors import FederatedError
from phasekey.federated.updates import Arrays
from phasekey.model import SplitNetwork
from phasekey.model.layers.equivariant import NormBatchNorm
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import to_float

NORMS = (NormBatchNorm, nn.modules.batchnorm._BatchNorm)
BATCH, MOST = 250, 5000  # images


def travelling(network: SplitNetwork, *, thawed: bool = False) -> dict[str, nn.Parameter]:
    """Collect the weights that travel, by their names, in the network's order.

    Args:
        network: split.
        thawed: the encoder's too.
    """
    parts = ("encoder.", "processing.", "decoder.") if thawed else ("processing.", "decoder.")
    return {name: value for name, value in network.named_parameters() if name.startswith(parts)}


def take(network: SplitNetwork, *, thawed: bool = False) -> Arrays:
    """Copy the weights that travel, float32, out of a network."""
    return [value.detach().cpu().numpy().copy() for value in travelling(network, thawed=thawed).values()]


@torch.no_grad()
def put(network: SplitNetwork, weights: Arrays, *, thawed: bool = False) -> None:
    """Copy weights that travelled into a network, in place.

    Raises:
        FederatedError: where they are not of this network.
    """
    values = travelling(network, thawed=thawed)
    if [tuple(value.shape) for value in values.values()] != [part.shape for part in weights]:
        raise FederatedError("the weights that came are not of the network that this run began with")
    for value, part in zip(values.values(), weights, strict=True):
        value.copy_(torch.from_numpy(np.ascontiguousarray(part)))


@torch.no_grad()
def renew_norms(network: SplitNetwork, images: Images) -> None:
    """Renew the running statistics after the encoder from images that nobody needs to hide.

    Args:
        network: changed in place; left in evaluation mode.
        images: public, uint8 (N, H, W, C); 5,000 at most are used, evenly spaced.
    """
    norms = [
        layer
        for part in (network.processing, network.decoder)
        for layer in part.modules()
        if isinstance(layer, NORMS)
    ]
    rows = np.arange(0, len(images), -(-len(images) // MOST)) if norms else np.arange(0)
    before = [layer.momentum for layer in norms]
    network.eval()
    for number, chunk in enumerate(np.array_split(rows, -(-len(rows) // BATCH)) if len(rows) else []):
        for layer in norms:
            layer.train()
            layer.momentum = 1 / (number + 1)  # the mean over all batches, each once
        network(to_float(torch.from_numpy(np.ascontiguousarray(images[chunk]))))
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum
    network.eval()
