"""Real images for what synthetic ones cannot tell: the ranges inside the network, and its accuracy."""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray

from export.checks.transmissions import transmissions
from export.errors import ExportError
from export.session import open_graph
from phasekey.errors import PhasekeyError
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.registry import load_dataset

IMAGES = 200  # for calibration, of the training split
TEST_IMAGES = 1000  # for accuracy, of the test split
Floats = NDArray[np.float32]


def load_calibration(checkpoint: Checkpoint, data: str | None = None) -> ImageDataset:
    """Load the data set that the words of `phasekey train --data` name.

    Args:
        checkpoint: the network that it is for.
        data: the words; None for what the checkpoint was trained on.

    Returns:
        The data set, both splits.

    Raises:
        ExportError: it cannot be read, or is of another task than the checkpoint's.
    """
    words = data or checkpoint.config.get("data")
    if not words:
        raise ExportError(
            "int8 needs real images, and this network does not say what it was trained on; give "
            "--calibration DATA, in the words of phasekey train --data"
        )
    _, height, width = checkpoint.network.image
    try:
        dataset = load_dataset(str(words), height if height == width else None, progress=True)
    except PhasekeyError as error:
        given = "--calibration" if data else "the data that this checkpoint was trained on"
        raise ExportError(
            f"int8 needs real images, and {given} cannot be read: {error} (give --calibration DATA, in the "
            "words of phasekey train --data, or export with --processing float32)"
        ) from error
    _require_same_task(checkpoint, dataset)
    return dataset


def data_at_hand(checkpoint: Checkpoint) -> ImageDataset | None:
    """The data set that the checkpoint was trained on, None where it cannot be read here.

    Nothing is downloaded for it: data of a hub counts as not at hand.
    """
    words = str(checkpoint.config.get("data") or "")
    if not words or words.startswith("hub:"):
        return None
    try:
        return load_calibration(checkpoint)
    except ExportError:
        return None


def _require_same_task(checkpoint: Checkpoint, dataset: ImageDataset) -> None:
    image, labels = checkpoint.network.image, checkpoint.labels
    if dataset.image_shape != image or dataset.classes != labels:
        raise ExportError(
            f"calibration data {dataset.name!r} has {len(dataset.classes)} classes and images "
            f"{dataset.image_shape} (channels, height, width), the checkpoint {len(labels)} and {image}; "
            f"give data of the task that it was trained on ({checkpoint.config.get('data', 'not known')})"
        )


def some(split: Split, count: int, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw at most so many images of a split, evenly.

    Args:
        split: the images and labels.
        count: at most how many.
        seed: the same one, the same images.

    Returns:
        Images uint8 (n, H, W, C), and labels (n,) or (n, A).
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:count])
    return split.images[rows], split.labels[rows]


def calibration_x(network: SplitNetwork, encoder: onnx.ModelProto, dataset: ImageDataset) -> Iterator[Floats]:
    """Batches of x of 200 training images."""
    images, _ = some(dataset.train, IMAGES)
    for x, _ in transmissions(network, open_graph(encoder), images):
        yield x
