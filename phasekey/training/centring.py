"""Centring a bottleneck on images as a device will send them, not as training augments them.

Batch norm's running mean is that of augmented images. Others then have features with a common part, and
the angle shows in it: see docs/adr/0030 for how much. Where decoys are N(0, I), correlations show it too.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from phasekey.model import SplitNetwork
from phasekey.model.heads import Bottleneck
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import to_float

MOST = 10000  # images
BATCH = 500


@torch.no_grad()
def centre_features(network: SplitNetwork, images: Images, device: torch.device) -> None:
    """Set the norm of a bottleneck by training images; other heads stay as they are.

    Where devices draw N(0, I), features are whitened, and the processing module's first layer undoes it: with
    decoys that undergo the same, nothing else changes. A norm-bottleneck needs neither: its bound holds for
    any law of features.

    Args:
        network: in any form; its head, and the first layer after it, are changed in place.
        images: of training, uint8 (N, H, W, C).
        device: where the network lies.
    """
    head = list(network.encoder)[-1]
    if not isinstance(head, Bottleneck):
        return
    was_training = network.training
    network.eval()
    rows = np.arange(0, len(images), -(-len(images) // MOST))
    chunks = np.array_split(rows, -(-len(rows) // BATCH))
    features = [network.encoder(to_float(torch.from_numpy(images[chunk]).to(device))) for chunk in chunks]
    if network.decoy_source == "gaussian-features":
        layers = network.processing.layers if network.mixes else network.processing
        _undo(cast(nn.Linear, cast(nn.Sequential, layers)[0]), head.whiten(torch.cat(features)))
    else:
        head.centre(torch.cat(features))
    network.train(was_training)


def _undo(opening: nn.Linear, matrix: Tensor) -> None:
    opening.weight.copy_(opening.weight.double() @ matrix)
