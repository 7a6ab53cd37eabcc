"""What a device could do without any cloud: a control beside every accuracy (docs/adr/0034).

An equivariant processing module helps beyond a linear map of the feature only through what it also shows the
cloud. So the linear map by itself, which a device runs for next to nothing, is the figure to beat.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phasekey.model import SplitNetwork
from phasekey.training.data.dataset import Split
from phasekey.training.data.lazy import Images
from phasekey.training.errors import TrainingError
from phasekey.training.evaluate import EVALUATION_BATCH, evaluation_order, to_float

Floats = NDArray[np.float32]
WIDEST = 4096  # values of a feature: beyond, a regression takes longer than the training
ITERATIONS = 1000
CONFIDENCE = 1.96  # standard errors on either side: 95%


class Interval(NamedTuple):
    """A mean over test images and its 95% interval, by the normal law."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ReadOut:
    """A linear read-out of the feature, scored on test images.

    Args:
        correct: for each test image 1 where the answer is right, else 0; of attributes, the share of right
            ones.
    """

    correct: Floats

    @property
    def error(self) -> Interval:
        """The share of wrong answers, 0 to 1."""
        return _mean(1 - self.correct)


def linear_read_out(network: SplitNetwork, train: Split, test: Split, *, augment: bool = True) -> ReadOut:
    """Fit a logistic regression to the features of training images, and score it on test images.

    The regression sees what the encoder gives at inference, without secret and decoys.

    Args:
        network: trained; left in evaluation mode.
        train: images and labels to fit.
        test: images and labels to score.
        augment: fit to mirror images too, as most recipes train the network.

    Returns:
        ReadOut, for labels of classes and of attributes alike.

    Raises:
        TrainingError: for a feature of more than 4,096 values.
    """
    if math.prod(network.feature_shape) > WIDEST:
        raise TrainingError(
            f"a linear read-out takes features of at most {WIDEST} values; this one has shape "
            f"{tuple(network.feature_shape)}"
        )
    features, labels = encode(network, train.images), train.labels
    if augment:
        features = np.concatenate([features, encode(network, train.images, mirrored=True)])
        labels = np.concatenate([labels, labels])
    columns = labels.T if labels.ndim > 1 else labels[None]
    expected = test.labels.T if test.labels.ndim > 1 else test.labels[None]
    seen = encode(network, test.images)
    right = [
        _Fitted(features, column)(seen) == answer for column, answer in zip(columns, expected, strict=True)
    ]
    return ReadOut(np.mean(right, axis=0, dtype=np.float32))


def added_by_cloud(network: SplitNetwork, test: Split, read_out: ReadOut) -> Interval:
    """Compare the whole network, through secret and decoys, with the read-out, image by image.

    Args:
        network: trained; left in evaluation mode.
        test: the images that the read-out was scored on, classes as labels.
        read_out: of the same encoder.

    Returns:
        Accuracy of the network minus that of the read-out; negative where the cloud does harm.
    """
    return _mean(answers(network, test.images, 1)[0] == test.labels, read_out.correct)


@dataclass(frozen=True)
class Stability:
    """How far answers hang on secret and decoys.

    Args:
        accuracies: of each draw over all images.
        changing: share of the images that got more than one label.
    """

    accuracies: tuple[float, ...]
    changing: float


def stability(network: SplitNetwork, test: Split, draws: int = 10) -> Stability:
    """Answer every test image under several secrets and decoys, drawn as in `evaluate`.

    Args:
        network: trained, of a task of classes; left in evaluation mode.
        test: images and labels.
        draws: secrets for each image.

    Returns:
        Stability; the same for the same network.
    """
    given = answers(network, test.images, draws)
    accuracies = tuple(float(share) for share in (given == test.labels).mean(1))
    return Stability(accuracies, float((given != given[0]).any(0).mean()))


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
def answers(network: SplitNetwork, images: Images, draws: int) -> NDArray[np.intp]:
    """Name the class of every image under several draws of secret and decoys.

    Args:
        network: left in evaluation mode.
        images: uint8 (N, H, W, C).
        draws: how many times.

    Returns:
        (draws, N).
    """
    network.eval()
    given = np.empty((draws, len(images)), np.intp)
    with evaluation_order(len(images)) as batches:
        for chosen in batches:
            batch = to_float(torch.from_numpy(images[chosen.numpy()]))
            for draw in range(draws):
                given[draw, chosen.numpy()] = network(batch).argmax(1).numpy()
    return given


class _Fitted:
    """A logistic regression, or the one answer there is."""

    def __init__(self, features: Floats, labels: NDArray[np.int64]) -> None:
        self.only = labels[0] if (labels == labels[0]).all() else None
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
        if self.only is None:
            self.model.fit(features, labels)

    def __call__(self, features: Floats) -> NDArray[np.int64]:
        """(N, D) -> labels (N,)."""
        if self.only is not None:
            return np.full(len(features), self.only)
        found: NDArray[np.int64] = self.model.predict(features)
        return found


def _mean(values: NDArray[np.generic], less: Floats | float = 0.0) -> Interval:
    differences = values.astype(np.float64) - less
    mean = float(differences.mean())
    half = CONFIDENCE * float(differences.std()) / math.sqrt(len(differences))
    return Interval(mean, mean - half, mean + half)
