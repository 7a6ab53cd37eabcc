"""The best network of the device's own operations: what a device could answer without any cloud.

A family of plain convolutional networks, from one to three convolutions of stride 2, each as wide as the
operations allow; the one that does best on images held out of training is scored on the test images.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.model.counting import count_operations
from phasekey.training.controls.answers import Floats, Interval, mean_of
from phasekey.training.data.dataset import Split
from phasekey.training.data.lazy import Images
from phasekey.training.errors import TrainingError
from phasekey.training.evaluate import EVALUATION_BATCH, to_float

DEPTHS = (1, 2, 3)
WIDEST = 256  # channels of the first convolution
BATCH, RATE, DECAY, HELD_OUT = 128, 3e-3, 0.05, 0.1


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


def own_network(
    budget: int, train: Split, test: Split, classes: int, *, epochs: int, mirror: bool = True
) -> OwnNetwork:
    """Train the family's networks that a budget holds, and score the best.

    Args:
        budget: most operations for an image.
        train: images and labels of classes; a tenth, drawn at random, chooses the network.
        test: images and labels to score.
        classes: how many.
        epochs: passes over the training images, for each network.
        mirror: turn images left to right at random, as most recipes do.

    Returns:
        OwnNetwork.

    Raises:
        TrainingError: not even the smallest network fits the budget.
    """
    image = _shape(train.images)
    candidates = [made for depth in DEPTHS if (made := widest(image, classes, depth, budget)) is not None]
    if not candidates:
        raise TrainingError(f"no network of the family does with {budget} operations for {image}")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        order = np.random.default_rng(0).permutation(len(train.images))
        held, known = np.split(order, [int(HELD_OUT * len(order))])
        for network in candidates:
            _fit(network, train, known, epochs, mirror)
    rights = [_right(network, train.images, train.labels, np.sort(held)).mean() for network in candidates]
    best = candidates[int(np.argmax(rights))]
    correct = _right(best, test.images, test.labels, np.arange(len(test.images)))
    return OwnNetwork(correct, _operations(best, image), best.description)


class PlainNetwork(nn.Sequential):
    """Convolutions 3 × 3 of stride 2 that double their channels, mean over positions, linear.

    Args:
        image: (C, H, W).
        classes: how many.
        depth: convolutions.
        width: channels of the first.
    """

    def __init__(self, image: tuple[int, int, int], classes: int, depth: int, width: int) -> None:
        layers: list[nn.Module] = []
        before = image[0]
        for level in range(depth):
            after = width * 2**level
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        pooled = 4 if min(image[1:]) >> depth >= 4 else 1  # 4 × 4 regions where the map holds them
        layers += [nn.AdaptiveAvgPool2d(pooled), nn.Flatten(), nn.Linear(before * pooled**2, classes)]
        super().__init__(*layers)
        self.description = f"{depth} convolution{'s' * (depth > 1)} of stride 2 from {width} channels"


def widest(image: tuple[int, int, int], classes: int, depth: int, budget: int) -> PlainNetwork | None:
    """Build the widest network of a depth within a budget of operations; None where none fits."""
    low, high = 0, WIDEST
    while low < high:  # operations rise with the width
        middle = (low + high + 1) // 2
        fits = _operations(PlainNetwork(image, classes, depth, middle), image) <= budget
        low, high = (middle, high) if fits else (low, middle - 1)
    return PlainNetwork(image, classes, depth, low) if low else None


def _operations(network: nn.Module, image: tuple[int, int, int]) -> int:
    training = network.training
    count = count_operations(network, torch.zeros(1, *image))
    network.train(training)
    return count


def _fit(network: nn.Module, train: Split, known: np.ndarray, epochs: int, mirror: bool) -> None:
    steps = max(1, len(known) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * steps)
    network.train()
    for _ in range(epochs):
        order = known[torch.randperm(len(known)).numpy()]
        for rows in map(np.sort, np.array_split(order, steps)):
            images = _batch(train.images, rows)
            if mirror:
                images = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
            loss = F.cross_entropy(network(images), torch.from_numpy(np.asarray(train.labels)[rows]))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()


@torch.no_grad()
def _right(network: nn.Module, images: Images, labels: np.ndarray, rows: np.ndarray) -> Floats:
    network.eval()
    parts = np.array_split(rows, -(-len(rows) // EVALUATION_BATCH))
    said = np.concatenate([network(_batch(images, part)).argmax(1).numpy() for part in parts])
    return np.asarray(said == np.asarray(labels)[rows], np.float32)


def _batch(images: Images, rows: np.ndarray) -> Tensor:
    return to_float(torch.from_numpy(np.ascontiguousarray(images[rows])))


def _shape(images: Images) -> tuple[int, int, int]:
    height, width, channels = images[:1].shape[1:]
    return channels, height, width
