"""Accuracy on held-out images, through decoys and secret, and without."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from phasekey.model import SplitNetwork
from phasekey.training.loop.objective import num_correct
from phasekey.training.pixels import Pixels

# Fixed for all runs: figures of two runs then differ by their weights alone.
EVALUATION_SEED = 0
EVALUATION_BATCH = 500  # images


@dataclass(frozen=True)
class Accuracy:
    """Shares of right answers, 0 to 1; of attributes, averaged over them.

    Args:
        hidden: as the cloud answers it: a fresh secret for each image, and decoys by the law of training.
        plain: nothing mixed, and decoys zero. A form without a secret scores the same twice.
    """

    hidden: float
    plain: float


@torch.no_grad()
def evaluate(network: SplitNetwork, images: Tensor | Pixels, labels: Tensor) -> Accuracy:
    """Score a network on test images; torch's random state stays as it was.

    Args:
        network: in any form; in evaluation mode meanwhile.
        images: uint8 (N, H, W, C), N ≥ k where other images are decoys.
        labels: (N,) class indices, or (N, A) attributes.

    Returns:
        Accuracy; for the same weights, the same.

    Raises:
        ModelError: where there are too few images for the decoys' law.
    """
    was_training = network.training
    network.eval()
    hidden = plain = 0.0
    with evaluation_order(len(images)) as batches:
        for chosen in batches:
            batch, expected = to_float(images[chosen]), labels[chosen]
            hidden += num_correct(network(batch), expected)
            plain += num_correct(plain_logits(network, batch), expected)
    network.train(was_training)
    return Accuracy(hidden / len(images), plain / len(images))


@contextmanager
def evaluation_order(count: int) -> Iterator[Sequence[Tensor]]:
    """Draw from the same random numbers in each evaluation, and leave torch's random state as it was.

    Args:
        count: images.

    Yields:
        Row numbers, batch by batch. Shuffled: test sets come sorted by class, and a decoy of the sample's own
        class would help it.
    """
    with torch.random.fork_rng():
        torch.manual_seed(EVALUATION_SEED)
        yield torch.tensor_split(torch.randperm(count), -(-count // EVALUATION_BATCH))


def plain_logits(network: SplitNetwork, images: Tensor) -> Tensor:
    """Compute logits with nothing mixed and decoys zero.

    Args:
        network: in any form.
        images: (N, C, H, W) in [0, 1].

    Returns:
        (N, classes).
    """
    count, k = len(images), network.components
    nothing_mixed = torch.eye(k, device=images.device).expand(count, k, k)
    logits: Tensor = network(images, nothing_mixed, images.new_zeros(count, k - 1, *network.feature_shape))
    return logits


def to_float(images: Tensor) -> Tensor:
    """Turn uint8 images (N, H, W, C) into float32 (N, C, H, W) in [0, 1], as networks take them."""
    return images.permute(0, 3, 1, 2).float() / 255
