"""Accuracy on held-out images, with the rotation and without."""

from dataclasses import dataclass

import torch
from torch import Tensor

from phasekey.model import SplitNetwork
from phasekey.training.objective import hits
from phasekey.training.pixels import Pixels

# Fixed for all runs: figures of two runs then differ by their weights alone.
EVALUATION_SEED = 0
EVALUATION_BATCH = 500  # images


@dataclass(frozen=True)
class Accuracy:
    """Shares of right answers, 0 to 1; of attributes, averaged over them.

    rotated: through the complex path, a fresh angle for each image and another image's feature as decoy.
    plain: angle and decoy zero. A form without rotation scores the same twice.
    """

    rotated: float
    plain: float


@torch.no_grad()
def evaluate(network: SplitNetwork, images: Tensor | Pixels, labels: Tensor) -> Accuracy:
    """Score images uint8 (N, H, W, C), N ≥ 2, against labels (N,) or (N, A).

    Leaves torch's random state as it was.
    """
    was_training = network.training
    network.eval()
    rotated = plain = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(EVALUATION_SEED)
        # Shuffled: test sets come sorted by class, and a decoy of the sample's own class would help it.
        order = torch.randperm(len(images))
        for chosen in torch.tensor_split(order, -(-len(order) // EVALUATION_BATCH)):
            batch, expected = to_float(images[chosen]), labels[chosen]
            rotated += hits(network(batch), expected)
            plain += hits(plain_logits(network, batch), expected)
    network.train(was_training)
    return Accuracy(rotated / len(images), plain / len(images))


def plain_logits(network: SplitNetwork, images: Tensor) -> Tensor:
    """Logits with angle and decoy zero: images (N, C, H, W) in [0, 1] -> (N, classes)."""
    theta = images.new_zeros(len(images))
    logits: Tensor = network(images, theta, images.new_zeros(len(images), *network.feature_shape))
    return logits


def to_float(images: Tensor) -> Tensor:
    """uint8 (N, H, W, C) -> float32 (N, C, H, W) in [0, 1], as networks take it."""
    return images.permute(0, 3, 1, 2).float() / 255
