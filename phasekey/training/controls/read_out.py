"""A linear read-out of the feature: what a device answers for next to nothing (docs/adr/0034).

An equivariant processing module helps beyond a linear map of the feature only through what it also shows the
cloud. So the linear map by itself is a figure to beat.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phasekey.model import SplitNetwork
from phasekey.training.controls.answers import Floats, Interval, answers, encode, mean_of
from phasekey.training.data.dataset import Split

WIDEST = 4096  # values of a feature: beyond, an exact regression takes longer than the training
ITERATIONS = 1000
MOST_VALUES = 2**28  # of all features together: a gigabyte


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
        return mean_of(1 - self.correct)


def linear_read_out(network: SplitNetwork, train: Split, test: Split, *, augment: bool = True) -> ReadOut:
    """Fit a logistic regression to the features of training images, and score it on test images.

    The regression sees what the encoder gives at inference, without secret and decoys. Where the feature has
    more than WIDEST values it is fitted by stochastic gradients, and to as many images as MOST_VALUES holds,
    drawn at random.

    Args:
        network: trained; left in evaluation mode.
        train: images and labels to fit.
        test: images and labels to score.
        augment: fit to mirror images too, as most recipes train the network.

    Returns:
        ReadOut, for labels of classes and of attributes alike.
    """
    most = MOST_VALUES // math.prod(network.feature_shape)
    rows = np.sort(np.random.default_rng(0).permutation(len(train.images))[:most])
    features, labels = encode(network, train.images[rows]), train.labels[rows]
    if augment and 2 * len(rows) <= most:
        features = np.concatenate([features, encode(network, train.images[rows], mirrored=True)])
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
    return mean_of(answers(network, test.images, 1)[0] == test.labels, read_out.correct)


class _Fitted:
    """A logistic regression, or the one answer there is."""

    def __init__(self, features: Floats, labels: NDArray[np.int64]) -> None:
        self.only = labels[0] if (labels == labels[0]).all() else None
        wide = features.shape[1] > WIDEST
        regression = (
            SGDClassifier(loss="log_loss", alpha=1e-3, max_iter=20, early_stopping=True, random_state=0)
            if wide
            else LogisticRegression(max_iter=ITERATIONS)
        )
        self.model = make_pipeline(StandardScaler(), regression)
        if self.only is None:
            self.model.fit(features, labels)

    def __call__(self, features: Floats) -> NDArray[np.int64]:
        """(N, D) -> labels (N,)."""
        if self.only is not None:
            return np.full(len(features), self.only)
        found: NDArray[np.int64] = self.model.predict(features)
        return found
