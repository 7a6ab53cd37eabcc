"""Real images for what synthetic ones cannot tell: the ranges inside the network, and its accuracy."""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray

from export.errors import ExportError
from export.session import open_graph
from export.synthetic import rotated
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphSession
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.registry import load_dataset

IMAGES = 200  # for calibration, of the training split
TEST_IMAGES = 1000  # for accuracy, of the test split
BATCH = 20
Floats = NDArray[np.float32]


def load_calibration(checkpoint: Checkpoint, data: str | None = None) -> ImageDataset:
    """The data set that the words of `phasekey train --data` name; by default the one trained on.

    Raises ExportError where it cannot be read, or is another task than the checkpoint's.
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


def _require_same_task(checkpoint: Checkpoint, dataset: ImageDataset) -> None:
    image, labels = checkpoint.network.image, checkpoint.labels
    if dataset.image_shape != image or dataset.classes != labels:
        raise ExportError(
            f"calibration data {dataset.name!r} has {len(dataset.classes)} classes and images "
            f"{dataset.image_shape} (channels, height, width), the checkpoint {len(labels)} and {image}; "
            f"give data of the task that it was trained on ({checkpoint.config.get('data', 'not known')})"
        )


def some(split: Split, count: int, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """At most so many images of a split with their labels, drawn evenly; the same seed, the same ones."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(split))[:count])
    return split.images[rows], split.labels[rows]


def features(
    encoder: GraphSession, images: NDArray[np.uint8], *, seed: int = 0
) -> Iterator[tuple[Floats, NDArray[np.float64]]]:
    """Batches of x = e^{iθ}(a + ib), (N, 2C, H, W), with their θ (N,): a of the images uint8 (N, H, W, C),
    θ and the noise of b drawn from the seed."""
    random = np.random.default_rng(seed)
    image, noise = encoder.inputs
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        pixels = batch if image.dtype == "uint8" else batch.astype(np.float32) / np.float32(255)
        drawn = random.standard_normal((len(pixels), noise.shape[1] or 1)).astype(np.float32)
        encoded = encoder.run({"image": pixels, "noise": drawn})
        theta = random.uniform(0, 2 * np.pi, len(pixels))
        yield rotated(encoded["feature"], encoded["decoy"], theta), theta


def calibration_x(encoder: onnx.ModelProto, dataset: ImageDataset) -> Iterator[Floats]:
    """Batches of x of 200 training images."""
    images, _ = some(dataset.train, IMAGES)
    for x, _ in features(open_graph(encoder), images):
        yield x
