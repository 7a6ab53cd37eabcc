"""Centring a bottleneck on images as a device will send them, not as training augments them.

Batch norm's running mean is that of augmented images. Others then have features with a common part, and
the angle shows in it: see docs/adr/0030 for how much.
"""

import numpy as np
import torch

from phasekey.model import SplitNetwork
from phasekey.model.heads import Bottleneck
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import to_float

MOST = 10000  # images
BATCH = 500


@torch.no_grad()
def centre_features(network: SplitNetwork, images: Images, device: torch.device) -> None:
    """Set the norm of a bottleneck by training images uint8 (N, H, W, C); other heads stay as they are."""
    head = list(network.encoder)[-1]
    if not isinstance(head, Bottleneck):
        return
    was_training = network.training
    network.eval()
    rows = np.arange(0, len(images), -(-len(images) // MOST))
    chunks = np.array_split(rows, -(-len(rows) // BATCH))
    features = [network.encoder(to_float(torch.from_numpy(images[chunk]).to(device))) for chunk in chunks]
    head.centre(torch.cat(features))
    network.train(was_training)
