"""The best network of the device's own operations: what a device could answer without any cloud.

Plain convolutional networks, from one to three convolutions of stride 2, each as wide as the operations
allow; the one that does best on images held out of training is scored on the test images.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from phasekey.training.controls.answers import Floats, Interval, mean_of
from phasekey.training.controls.family import DEPTHS, PlainNetwork, operations, widest
from phasekey.training.controls.kept import Kept
from phasekey.training.controls.own_training import Lessons, batch_of, fit
from phasekey.training.data.dataset import Split
from phasekey.training.errors import TrainingError
from phasekey.training.evaluate import EVALUATION_BATCH

HELD_OUT = 0.1  # of the training images, to choose by
MOST_TRAINING = 3e12  # operations of one network's training, forward and back: some two minutes of a core
PASSES = 3  # of a training step, in forward ones


@dataclass(frozen=True)
class OwnNetwork:
    """A network of the device's own operations, scored on test images.

    Args:
        correct: for each test image 1 where the answer is right, else 0.
        operations: of one image, an addition and a multiplication counted as two.
        description: in words.
    """

    correct: Floats
    operations: int
    description: str

    @property
    def error(self) -> Interval:
        """The share of wrong answers, 0 to 1."""
        return mean_of(1 - self.correct)


def largest_trained(images: int, epochs: int) -> int:
    """Compute the most operations of a network whose training stays within MOST_TRAINING.

    Args:
        images: of the training set.
        epochs: passes over them.

    Returns:
        Operations for an image.
    """
    return int(MOST_TRAINING / (PASSES * epochs * max(1, round((1 - HELD_OUT) * images))))


def own_network(
    budget: int, train: Split, test: Split, classes: int, *, epochs: int, mirror: bool = True,
    kept: Kept | None = None, progress: bool = False,
) -> OwnNetwork:  # fmt: skip
    """Train the family's networks that a budget holds, and score the best.

    Args:
        budget: most operations for an image.
        train: images and labels of classes; a tenth, drawn at random, chooses the network.
        test: images and labels to score.
        classes: how many.
        epochs: passes over the training images, for each network.
        mirror: turn images left to right at random, as most recipes do.
        kept: keeps each epoch, and gives what an earlier call kept; None keeps nothing.
        progress: show a bar, which says how long it will take as soon as a step of each was timed.

    Returns:
        OwnNetwork; the same however often it was cut off.

    Raises:
        TrainingError: not even the smallest network fits the budget.
    """
    height, width, channels = train.images.shape[1:]
    image = (channels, height, width)
    candidates = [made for depth in DEPTHS if (made := widest(image, classes, depth, budget)) is not None]
    if not candidates:
        raise TrainingError(f"no network of the family does with {budget} operations for {image}")
    order = np.random.default_rng(0).permutation(len(train.images))
    held, known = np.split(order, [int(HELD_OUT * len(order))])
    fit(candidates, Lessons(train, known, epochs, mirror), kept, progress=progress)
    best = max(candidates, key=lambda network: _right(network, train, np.sort(held)).mean())
    correct = _right(best, test, np.arange(len(test.images)))
    return OwnNetwork(correct, operations(best, image), best.description)


@torch.no_grad()
def _right(network: PlainNetwork, split: Split, rows: np.ndarray) -> Floats:
    network.eval()
    parts = np.array_split(rows, -(-len(rows) // EVALUATION_BATCH))
    said = np.concatenate([_said(network, split, part) for part in parts])
    return np.asarray(said == split.labels[rows], np.float32)


def _said(network: nn.Module, split: Split, rows: np.ndarray) -> np.ndarray:
    return np.asarray(network(batch_of(split.images, rows)).argmax(1))
