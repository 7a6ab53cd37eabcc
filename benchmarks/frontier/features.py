"""Features of images by the two encoders, all of one length as a bound in nats asks (docs/adr/0034)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from phasekey.model.counting import count_work
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.controls import encode
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.loop.train import MODEL_FILE, STATE_FILE, train
from phasekey.training.settings.config import TrainConfig

Floats = NDArray[np.float32]
ENCODERS = ("linear", "lenet")
FIT = 10_000  # images that principal components are taken of
ITERATIONS = 300  # of the read-out


@dataclass(frozen=True)
class Features:
    """Features of one encoder, |a| = √D.

    Attributes:
        train: of the training images and then of their mirror images, (2N, D).
        train_labels: (2N,).
        test: (n, D).
        test_labels: (n,).
        operations: of encoder and read-out for an image, an addition and a multiplication counted as two.
    """

    train: Floats
    train_labels: NDArray[np.int64]
    test: Floats
    test_labels: NDArray[np.int64]
    operations: int

    @property
    def classes(self) -> int:
        """How many."""
        return int(self.train_labels.max()) + 1


def features_of(
    encoder: str, values: int, dataset: Callable[[], ImageDataset], work: Path, *, epochs: int
) -> Features:
    """Encode a data set, or read what was encoded before.

    Args:
        encoder: linear, the first principal components brought to variance 1; lenet, LeNet's first
            convolution and a linear layer, trained with the rest of the LeNet, from which nothing is hidden.
        values: D.
        dataset: loads images of one label each.
        work: folder that keeps trained encoders and features.
        epochs: of the LeNet's training.

    Returns:
        Features.
    """
    path = work / f"features-{encoder}-{values}.npz"
    if not path.is_file():
        images = dataset()
        parts, operations = (
            _linear(values, images) if encoder == "linear" else _lenet(values, images, work, epochs)
        )
        straight, mirrored, test = (_one_length(part) for part in parts)
        labels = images.train.labels
        partial = path.with_suffix(".partial.npz")
        np.savez(
            partial, train=np.concatenate([straight, mirrored]), test=test,
            train_labels=np.concatenate([labels, labels]), test_labels=images.test.labels,
            operations=operations + 2 * values * len(images.classes),
        )  # fmt: skip
        partial.replace(path)
    with np.load(path) as kept:
        found = dict(kept)
    return Features(**{**found, "operations": int(found["operations"])})


def read_out(features: Features) -> tuple[Tensor, Tensor]:
    """Fit a linear read-out to the training features.

    Returns:
        Weight (C, D) and bias (C,).
    """
    fitted = LogisticRegression(max_iter=ITERATIONS).fit(features.train, features.train_labels)
    weight, bias = (torch.from_numpy(part.astype(np.float32)) for part in (fitted.coef_, fitted.intercept_))
    return weight, bias


def read_out_right(features: Features, linear: tuple[Tensor, Tensor]) -> Floats:
    """Tell for each test image whether a read-out is right, (n,)."""
    return is_right(torch.from_numpy(features.test) @ linear[0].T + linear[1], features.test_labels)


def is_right(answers: Tensor, labels: NDArray[np.int64]) -> Floats:
    """Tell where the largest of the answers (N, C) is the label's, (N,)."""
    return np.asarray(answers.argmax(1).numpy() == labels, np.float32)


def _linear(values: int, dataset: ImageDataset) -> tuple[list[Floats], int]:
    some = _pixels(dataset.train.images[:: max(1, len(dataset.train) // FIT)])
    mean = some.mean(0)
    spectrum, axes = np.linalg.eigh(np.cov((some - mean).T))  # in rising order
    chosen = slice(-1, -values - 1, -1)
    matrix = np.asarray(axes[:, chosen] / np.sqrt(spectrum[chosen]), np.float32)
    train, test = dataset.train.images[:], dataset.test.images[:]
    return [(_pixels(part) - mean) @ matrix for part in (train, train[:, :, ::-1], test)], 2 * matrix.size


def _lenet(values: int, dataset: ImageDataset, work: Path, epochs: int) -> tuple[list[Floats], int]:
    folder = work / f"lenet-{values}"
    config = TrainConfig(
        arch="lenet", form="additional", head="bottleneck", width=values, augment="flip", epochs=epochs,
        batch_size=128, data="", out=folder,
    )  # fmt: skip
    if not (folder / MODEL_FILE).is_file() or (folder / STATE_FILE).is_file():
        train(config, dataset, progress=True)
    network = load_checkpoint(folder / MODEL_FILE).network
    parts = [
        encode(network, dataset.train.images),
        encode(network, dataset.train.images, mirrored=True),
        encode(network, dataset.test.images),
    ]
    return parts, count_work(network).encoder


def _pixels(images: NDArray[np.uint8]) -> Floats:
    return np.asarray(images.reshape(len(images), -1) / np.float32(255), np.float32)


def _one_length(features: Floats) -> Floats:
    lengths = np.linalg.norm(features, axis=1, keepdims=True) / np.sqrt(features.shape[1])
    return np.asarray(features / lengths, np.float32)
