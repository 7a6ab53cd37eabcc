"""What a network says of test images, and how sure a mean over them is."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from phasekey.model import SplitNetwork
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import EVALUATION_BATCH, evaluation_order, to_float

Floats = NDArray[np.float32]
CONFIDENCE = 1.96  # standard errors on either side: 95%


class Interval(NamedTuple):
    """A mean over test images and its 95% interval, by the normal law."""

    mean: float
    low: float
    high: float


@torch.no_grad()
def encode(network: SplitNetwork, images: Images, *, mirrored: bool = False) -> Floats:
    """Compute features as a device does.

    Args:
        network: left in evaluation mode.
        images: uint8 (N, H, W, C).
        mirrored: turn each left to right first.

    Returns:
        (N, D), maps flattened.
    """
    network.eval()
    parts = []
    for rows in np.array_split(np.arange(len(images)), -(-len(images) // EVALUATION_BATCH)):
        batch = to_float(torch.from_numpy(images[rows]))
        parts.append(network.encoder(batch.flip(3) if mirrored else batch).flatten(1).numpy())
    return np.concatenate(parts)


@torch.no_grad()
def answers(network: SplitNetwork, images: Images, draws: int, *, progress: bool = False) -> NDArray[np.intp]:
    """Name the class of every image under several draws of secret and decoys; the encoder runs once.

    Plain networks whose secret is a permutation go through one as well. Of the other plain forms the draws
    are alike, but for the noise of the noisy one.

    Args:
        network: left in evaluation mode.
        images: uint8 (N, H, W, C), N ≥ k where other images are decoys.
        draws: how many times.
        progress: show a bar.

    Returns:
        (draws, N).

    Raises:
        ModelError: there are too few images for the decoys' law.
    """
    network.eval()
    given = np.empty((draws, len(images)), np.intp)
    with evaluation_order(len(images)) as batches:
        for chosen in tqdm(batches, "answering", unit="batch", disable=None if progress else True):
            batch = to_float(torch.from_numpy(images[chosen.numpy()]))
            answer = _answering(network, batch)
            for draw in range(draws):
                given[draw, chosen.numpy()] = answer().argmax(1).numpy()
    return given


def _answering(network: SplitNetwork, batch: Tensor) -> Callable[[], Tensor]:
    """What answers a batch (N, C, H, W) under fresh secrets and decoys, each time it is called."""
    if network.has_secret:
        feature = network.encoder(batch)
        return lambda: network.answer(network.among_decoys(feature))
    return lambda: network(batch)


def mean_of(values: NDArray[np.generic], less: Floats | float = 0.0) -> Interval:
    """Average over test images, with a 95% interval.

    Args:
        values: one for each image, (N,).
        less: what is taken off, image by image or all alike.

    Returns:
        The mean of the differences.
    """
    differences = values.astype(np.float64) - less
    mean = float(differences.mean())
    half = CONFIDENCE * float(differences.std()) / math.sqrt(len(differences))
    return Interval(mean, mean - half, mean + half)
