"""From features to images: the attackers' decoder, its training, and its weights as arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Watch
from phasekey.audit.attackers.networks.linear_picture import LinearPicture
from phasekey.audit.attackers.networks.unet import PAPER_CONVOLUTIONS, PAPER_WIDTH, UNet
from phasekey.audit.attackers.training import device, fit, pixels_of, predict
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Floats, Pixels
from phasekey.audit.scene.view import AttackerView

BUDGET_CONVOLUTIONS = 2  # of each block, where the budget does not allow for the paper's six
CHECKED = 500  # validation images that decide when training was at its best
MIRRORED_VALUES = 2 * 10**8  # of features that may be held twice, the images' own and their mirror images'


class Decoder(nn.Module):
    """a (N, C', ...) -> images (N, C, H, W): a picture by regression, refined by the U-Net."""

    def __init__(self, feature: tuple[int, ...], image: tuple[int, int, int], effort: Effort) -> None:
        super().__init__()
        self.picture = LinearPicture(feature, image)
        width, convolutions = sizes(effort)
        self.refine = UNet(feature, image, width, convolutions)

    def forward(self, feature: Tensor) -> Tensor:
        refined: Tensor = self.refine(feature, self.picture(feature))
        return refined


@dataclass(frozen=True)
class Pairs:
    """Features and the images that they are of.

    Attributes:
        features: (N, C', ...).
        images: uint8 (N, H, W, C).
    """

    features: Tensor
    images: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def targets(self, rows: Tensor | slice = slice(None)) -> Tensor:
        """Images of some rows as networks take them.

        Args:
            rows: (N,) int64, or a slice.

        Returns:
            float32 (N, C, H, W) in [0, 1].
        """
        return pixels_of(self.images[rows])


def pairs_of(features: Floats, images: Pixels) -> Pairs:
    """Features and images on the device where attackers train.

    Args:
        features: (N, C', ...).
        images: uint8 (N, H, W, C).

    Returns:
        The pairs.
    """
    return Pairs(torch.from_numpy(features).to(device()), torch.from_numpy(images).to(device()))


def with_mirrors(view: AttackerView) -> Pairs:
    """Raw features of the training images and, as far as memory allows, of their mirror images: the device
    encodes both.

    Args:
        view: what the attacker holds, a white box.

    Returns:
        N or 2N pairs.
    """
    images, features = view.train.images, view.train.feature
    if features.size <= MIRRORED_VALUES:
        mirrored = np.ascontiguousarray(images[:, :, ::-1])
        images = np.concatenate([images, mirrored])
        features = np.concatenate([features, view.device.encode(mirrored)])
    return pairs_of(features, images)


def new_decoder(view: AttackerView, effort: Effort, feature: tuple[int, ...]) -> Decoder:
    """An untrained decoder of features to images like the view's.

    Args:
        view: what the attacker holds.
        effort: the budget, which gives its width.
        feature: the shape (C', ...) of one.

    Returns:
        On the device where attackers train.
    """
    _, height, width, channels = view.train.images.shape
    return Decoder(feature, (channels, height, width), effort).to(device())


def train_decoder(
    decoder: Decoder, training: Pairs, validation: Pairs, effort: Effort, steps: int, watch: Watch
) -> tuple[CurvePoint, ...]:
    """Fit the picture in closed form, then the U-Net by mean square error.

    Args:
        decoder: trained in place.
        training: features and images.
        validation: likewise, to choose on.
        effort: the budget.
        steps: of the U-Net.
        watch: told of every step.

    Returns:
        Losses, RMSE² on [0, 1].
    """
    decoder.picture.fit((training.features, training.targets()), (validation.features, validation.targets()))
    return refine(
        decoder, lambda rows: (training.features[rows], training.targets(rows)), validation,
        images=len(training), effort=effort, steps=steps, watch=watch,
    )  # fmt: skip


def refine(
    decoder: nn.Module, draw: Callable[[Tensor], tuple[Tensor, Tensor]], validation: Pairs, *,
    images: int, effort: Effort, steps: int, watch: Watch,
) -> tuple[CurvePoint, ...]:  # fmt: skip
    """Train a decoder by mean square error on whatever is drawn.

    Args:
        decoder: inputs (N, ...) -> images (N, C, H, W); trained in place.
        draw: rows (N,) -> inputs, and images (N, C, H, W) in [0, 1].
        validation: to choose on.
        images: from how many rows are drawn.
        effort: the budget.
        steps: how many.
        watch: told of every step.

    Returns:
        Losses, RMSE² on [0, 1].
    """
    checked = Pairs(validation.features[:CHECKED], validation.images[:CHECKED])

    def loss(network: nn.Module, rows: Tensor) -> Tensor:
        inputs, targets = draw(rows)
        return F.mse_loss(network(inputs), targets)

    def held(network: nn.Module) -> float:
        parts = zip(torch.split(checked.features, 500), torch.split(checked.targets(), 500), strict=True)
        errors = [F.mse_loss(network(part).clamp(0, 1), images, reduction="sum") for part, images in parts]
        return float(sum(errors)) / checked.images.numel()

    return fit(
        decoder,
        loss,
        held,
        images=images,
        steps=steps,
        batch=batch_of(effort),
        rate=rate_of(effort),
        watch=watch,
    )


def sizes(effort: Effort) -> tuple[int, int]:
    """Width and layers of each block of the U-Net; the paper's where the budget allows for them.

    Args:
        effort: the budget.

    Returns:
        Channels of the first block, and convolutions of each.
    """
    if effort.paper_sizes:
        return PAPER_WIDTH, PAPER_CONVOLUTIONS
    return effort.unet_width, BUDGET_CONVOLUTIONS


def batch_of(effort: Effort) -> int:
    """Images of a step: few, and more steps, because an image holds many patches to learn from.

    Args:
        effort: the budget.

    Returns:
        16 at least.
    """
    return max(16, effort.batch // 4)


def rate_of(effort: Effort) -> float:
    """The learning rate of decoders: deep ones need smaller steps.

    Args:
        effort: the budget.

    Returns:
        1e-3 at the paper's sizes, else 3e-3.
    """
    return 1e-3 if effort.paper_sizes else 3e-3


def images_by(network: nn.Module, inputs: Floats) -> Floats:
    """What a decoder makes of inputs.

    Args:
        network: (N, ...) -> (N, C, H, W).
        inputs: (N, ...) float32.

    Returns:
        Images (N, 1, H, W, C), cut to [0, 1].
    """
    outputs: NDArray[np.float32] = predict(network, inputs, batch=250).clip(0, 1)
    return np.ascontiguousarray(outputs.transpose(0, 2, 3, 1)[:, None])
