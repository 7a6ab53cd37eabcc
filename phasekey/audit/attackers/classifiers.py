"""Classifiers of the property: their inputs, their training and their answers."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Watch
from phasekey.audit.attackers.training import device, fit, predict
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView, Transmissions

SMOOTHING = 0.05
Classes = NDArray[np.int64]


def seen(view: AttackerView, samples: Transmissions, angles: NDArray[np.float64] | None) -> Floats:
    """What a classifier sees of transmissions: a*, and what the public Φ makes of it, for Φ was trained for
    the task on more images than an attacker has.

    Args:
        view: what the attacker holds.
        samples: of which the first N are taken.
        angles: radians (N,), None where nothing is rotated.

    Returns:
        (N, D), flattened.
    """
    views = [samples.x if angles is None else samples.x[: len(angles)]]
    if view.device.processes:
        views.append(processed(view, views[0]))
    return turned_back(views, angles)


def processed(view: AttackerView, x: Floats, batch: int = 500) -> Floats:
    """Φ(x), so many transmissions at a time.

    Args:
        view: what the attacker holds.
        x: (N, 2C', ...).
        batch: rows at a time.

    Returns:
        h, (N, 2D, ...) in pair layout where x is rotated.
    """
    return np.concatenate(
        [view.device.process(x[start : start + batch]) for start in range(0, len(x), batch)]
    )


def turned_back(views: list[Floats], angles: NDArray[np.float64] | None) -> Floats:
    """Re[v e^{-iθ̂}] of each view, flattened and joined; as they are where nothing is rotated.

    Args:
        views: arrays of N rows in pair layout.
        angles: radians (N,), or None.

    Returns:
        (N, D) float32.
    """
    turned = views if angles is None else [unrotate(view, angles) for view in views]
    return np.concatenate([view.reshape(len(view), -1) for view in turned], axis=1)


class FlatClassifier(nn.Module):
    """(N, D) -> (N, K): two layers on whitened values."""

    def __init__(self, inputs: int, classes: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(inputs), nn.Dropout(0.2), nn.Linear(inputs, width),
            nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, classes),
        )  # fmt: skip

    def forward(self, values: Tensor) -> Tensor:
        scores: Tensor = self.layers(values)
        return scores


class ImageClassifier(nn.Module):
    """Images (N, C, H, W) -> (N, K): convolutions that halve the size until little is left."""

    def __init__(self, image: tuple[int, int, int], classes: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, side = image[0], min(image[1:])
        wide = width
        while side > 3:
            layers += [nn.Conv2d(before, wide, 3, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
            layers += [nn.Conv2d(wide, wide, 3, 1, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
            before, wide, side = wide, min(2 * wide, 8 * width), -(-side // 2)
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(before, classes)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images)
        return scores


def train_classifier(
    network: nn.Module, training: tuple[Floats, Classes], validation: tuple[Floats, Classes],
    effort: Effort, watch: Watch, change: Callable[[Tensor], Tensor] | None = None,
) -> tuple[CurvePoint, ...]:  # fmt: skip
    """Train by cross entropy, and keep what made the fewest mistakes in validation.

    Args:
        network: (N, ...) -> scores (N, K); trained in place.
        training: inputs (N, ...) and classes (N,).
        validation: likewise.
        effort: the budget, of which `inference_steps` are taken.
        watch: told of every step.
        change: augments a batch; None leaves it as it is.

    Returns:
        Losses: cross entropy in training, share of mistakes in validation.
    """
    inputs, labels = (torch.from_numpy(part).to(device()) for part in training)
    held, truth = (torch.from_numpy(part).to(device()) for part in validation)

    def loss(model: nn.Module, rows: Tensor) -> Tensor:
        batch = inputs[rows] if change is None else change(inputs[rows])
        return F.cross_entropy(model(batch), labels[rows], label_smoothing=SMOOTHING)

    def mistakes(model: nn.Module) -> float:
        return float(
            (torch.cat([model(part).argmax(1) for part in torch.split(held, 500)]) != truth).float().mean()
        )

    return fit(
        network, loss, mistakes,
        images=len(inputs), steps=effort.inference_steps, batch=effort.batch, rate=2e-3, watch=watch,
    )  # fmt: skip


def flat_classifier(view: AttackerView, inputs: int, effort: Effort) -> FlatClassifier:
    """A new classifier of flattened values; `inference_width` counts channels of maps, so a layer has 16
    times as many.

    Args:
        view: what the attacker holds.
        inputs: D, values of a row.
        effort: the budget.

    Returns:
        (N, D) -> scores (N, K) of the property's K classes, untrained.
    """
    return FlatClassifier(inputs, len(view.property_names), 16 * effort.inference_width).to(device())


def image_classifier(view: AttackerView, effort: Effort) -> ImageClassifier:
    """A new classifier of images like the view's.

    Args:
        view: what the attacker holds.
        effort: the budget, whose `inference_width` is its first layer's.

    Returns:
        (N, C, H, W) -> scores (N, K) of the property's K classes, untrained.
    """
    _, height, width, channels = view.train.images.shape
    classes = len(view.property_names)
    return ImageClassifier((channels, height, width), classes, effort.inference_width).to(device())


def classes_by(network: nn.Module, inputs: Floats) -> Classes:
    """The likeliest class of each row.

    Args:
        network: a trained classifier.
        inputs: (N, ...) float32.

    Returns:
        (N,) int64.
    """
    classes: Classes = predict(network, inputs).argmax(1).astype(np.int64)
    return classes


def mirrored(images: Tensor) -> Tensor:
    """About half of a batch as mirror images.

    Args:
        images: (N, C, H, W).

    Returns:
        The same shape; which are flipped is drawn from torch's random state.
    """
    flipped = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)
