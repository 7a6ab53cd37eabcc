"""Who looks at reconstructions: a classifier of real images, in place of the paper's people (Table 3)."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import Unwatched
from phasekey.audit.attackers.training import device, fit, pixels_of, predict, seeded
from phasekey.audit.scene.scene import Floats, Samples, Scene

WIDTHS = (24, 48, 96)
STRIDES = (2, 2, 1)
BATCH = 64
LARGEST_SIDE = 64  # pixels that it looks at; larger images are averaged down
# Four passes over the images, within limits for very few and very many.
PASSES, FEWEST, MOST = 4, 200, 4000
BLURRED = 0.5  # of the images that it learns from, so that a blurred picture is not beyond it


class Recogniser:
    """Tells the class of a picture, float32 (N, H, W, C) in [0, 1]."""

    def __init__(self, scene: Scene, seed: int) -> None:
        """Train on the attacker's training images and choose on his validation images."""
        with seeded(seed):
            self._network = _train(scene)

    def sees(self, pictures: Floats) -> NDArray[np.int64]:
        """The class that it takes each picture for.

        Args:
            pictures: (N, H, W, C) in [0, 1].

        Returns:
            (N,) int64.
        """
        scores = predict(self._network, np.moveaxis(pictures, 3, 1))
        classes: NDArray[np.int64] = scores.argmax(1)
        return classes


def what_to_see(samples: Samples) -> NDArray[np.int64]:
    """The classes that count as recognised: the task's, or where that has attributes, the property's.

    Args:
        samples: of any split.

    Returns:
        (N,) int64.
    """
    return samples.labels if samples.labels.ndim == 1 else samples.property


class _Network(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width, stride in zip((channels, *WIDTHS), WIDTHS, STRIDES, strict=False):
            layers += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * WIDTHS[-1], classes)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        factor = -(-max(pictures.shape[2:]) // LARGEST_SIDE)
        scores: Tensor = self.layers(F.avg_pool2d(pictures, factor) if factor > 1 else pictures)
        return scores


def _train(scene: Scene) -> nn.Module:
    images, classes = _tensors(scene.train)
    held, held_classes = _tensors(scene.validation)
    network = _Network(images.shape[3], int(what_to_see(scene.train).max()) + 1)

    def loss(network: nn.Module, rows: Tensor) -> Tensor:
        return F.cross_entropy(network(_blurred(_pictures(images[rows]))), classes[rows])

    def validation_loss(network: nn.Module) -> float:
        return float(F.cross_entropy(network(_pictures(held)), held_classes))

    steps = int(np.clip(PASSES * len(images) // BATCH, FEWEST, MOST))
    fit(
        network, loss, validation_loss, images=len(images), steps=steps, batch=BATCH, rate=3e-3,
        watch=Unwatched(),
    )  # fmt: skip
    return network


def _tensors(samples: Samples) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(samples.images).to(device()), torch.from_numpy(what_to_see(samples)).to(device())


def _pictures(images: Tensor) -> Tensor:
    return pixels_of(images).contiguous()  # as `sees` gives them to the network


def _blurred(pictures: Tensor) -> Tensor:
    """Some of them without their finer details."""
    size = pictures.shape[2:]
    coarse = F.interpolate(F.avg_pool2d(pictures, 2), size, mode="bilinear", align_corners=False)
    chosen = torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < BLURRED
    return torch.where(chosen, coarse, pictures)
