"""What an encoder ends in, so that the feature can be hidden: five heads (docs/adr/0030, 0032, 0034).

`paper` is the generator of section 4.2 and Appendix B. `light` is one 1 × 1
convolution, for early splits. `bottleneck` narrows the feature to a vector; the
processing module then opens with the way back to the map. `deep-bottleneck` has layers before that, so that
it can choose what the vector says, and by which law. `norm-bottleneck` gives that vector one length for all
images, which the bound on what a transmission tells starts from.
"""

import math
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.model import description as d
from phasekey.model.errors import ModelError
from phasekey.model.layers.build import Builder, Shape
from phasekey.model.layers.equivariant import Residual

HeadName = Literal["paper", "light", "bottleneck", "deep-bottleneck", "norm-bottleneck"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)
DEFAULT_WIDTHS: dict[HeadName, int] = {"bottleneck": 128, "deep-bottleneck": 12, "norm-bottleneck": 12}
# Of the layers before a deep bottleneck: channels, the side at which pooling ends, and units.
CHANNELS, LARGEST_SIDE, HIDDEN = 16, 8, 256
SMALLEST_SPREAD = 1e-3  # a value that hardly varies stays small when whitened
SMALLEST_LENGTH = 1e-12  # of a vector that can be brought to a given length


class Generator(nn.Sequential):
    """Appendix B: input convolution, residual block of two convolutions with a skip, output convolution.

    (N, C, H, W) -> the same shape. It ends in a convolution: a trailing ReLU would make every feature
    non-negative and give the angle away (docs/adr/0002).
    """

    def __init__(self, channels: int) -> None:
        block = nn.Sequential(
            _conv(channels), nn.BatchNorm2d(channels), nn.ReLU(), _conv(channels), nn.BatchNorm2d(channels)
        )
        super().__init__(
            _conv(channels), nn.ReLU(), Residual(block, nn.Identity()), nn.ReLU(), _conv(channels)
        )


class LightHead(nn.Conv2d):
    """(N, C, H, W) -> the same shape: one 1 × 1 convolution.

    No feature may end in a ReLU (docs/adr/0002). It costs a thirty-sixth of the generator's operations.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, kernel_size=1)


class Bottleneck(nn.Module):
    """(N, ...) -> (N, D): a linear layer, then batch norm without affine, so mean 0 and variance 1 each.

    Args:
        shape: of what comes in, without the batch.
        width: D.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(math.prod(shape), width, bias=False)  # the norm would take any bias away
        self.norm = nn.BatchNorm1d(width, affine=False)

    def forward(self, f: Tensor) -> Tensor:
        feature: Tensor = self.norm(self.linear(f.flatten(1)))
        return feature

    @torch.no_grad()
    def centre(self, features: Tensor) -> None:
        """Move the norm so that what gave these features at inference gives mean 0 and variance 1.

        Args:
            features: (N, D).
        """
        mean, variance = cast(Tensor, self.norm.running_mean), cast(Tensor, self.norm.running_var)
        spread = (variance + self.norm.eps).sqrt()
        mean += features.mean(0) * spread
        variance.copy_((features.var(0, unbiased=False) * spread**2 - self.norm.eps).clamp(min=0))

    @torch.no_grad()
    def whiten(self, features: Tensor) -> Tensor:
        """As `centre`, and turn and scale so that their covariance is I.

        Where N(0, I) hides the feature, any correlation tells the two apart.

        Args:
            features: (N, D).

        Returns:
            The matrix that undoes it, (D, D).
        """
        self.centre(features)
        values = features.double()
        values = (values - values.mean(0)) / values.std(0, unbiased=False).clamp(min=SMALLEST_SPREAD)
        spectrum, axes = torch.linalg.eigh(values.T @ values / len(values))
        roots = spectrum.clamp(min=SMALLEST_SPREAD).sqrt()
        mean, variance = cast(Tensor, self.norm.running_mean), cast(Tensor, self.norm.running_var)
        change = (axes / roots) @ axes.T / (variance.double() + self.norm.eps).sqrt()
        self.linear.weight.copy_(change @ self.linear.weight.double())
        mean.copy_(change @ mean.double())
        variance.fill_(1 - self.norm.eps)
        undone: Tensor = (axes * roots) @ axes.T
        return undone


class DeepBottleneck(Bottleneck):
    """(N, ...) -> (N, D): convolutions, pooling and a hidden layer, then the bottleneck.

    A linear layer can only pick directions; these can bend the feature's law towards N(0, I) (docs/adr/0032).
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__((HIDDEN,), width)
        convolutions, size = _convolutions(shape) if len(shape) == 3 else ([], math.prod(shape))
        hidden = [nn.Linear(size, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU()]
        self.body = nn.Sequential(*convolutions, nn.Flatten(), *hidden)

    def forward(self, f: Tensor) -> Tensor:
        return super().forward(self.body(f))


class NormBottleneck(nn.Module):
    """(N, ...) -> (N, D) with |a| = √D: a deep bottleneck brought to one length, no affine (docs/adr/0034).

    A vector shorter than 1e-12 has no direction to speak of: it comes out shorter than √D, and zero stays
    zero. The bound holds for all lengths up to √D, so also for these.

    Args:
        shape: of what comes in, without the batch.
        width: D.
    """

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.deep, self.length = DeepBottleneck(shape, width), math.sqrt(width)

    def forward(self, f: Tensor) -> Tensor:
        return self.length * F.normalize(self.deep(f), dim=1, eps=SMALLEST_LENGTH)


def _convolutions(shape: Shape) -> tuple[list[nn.Module], int]:
    """Convolutions and pooling down to a small map of 2·CHANNELS, and how many values that has."""
    channels, height, width = shape
    layers: list[nn.Module] = []
    while not layers or max(height, width) > LARGEST_SIDE:
        layers += [*_normed(channels, CHANNELS), nn.MaxPool2d(2, ceil_mode=True)]
        channels, height, width = CHANNELS, -(-height // 2), -(-width // 2)
    return [*layers, *_normed(channels, 2 * CHANNELS)], 2 * CHANNELS * height * width


def _normed(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


MAP_HEADS: dict[HeadName, type[Generator] | type[LightHead]] = {"paper": Generator, "light": LightHead}
BOTTLENECKS: dict[HeadName, type[Bottleneck] | type[NormBottleneck]] = {
    "bottleneck": Bottleneck,
    "deep-bottleneck": DeepBottleneck,
    "norm-bottleneck": NormBottleneck,
}


def check_head(name: HeadName, width: int | None) -> None:
    """Refuse a head that does not exist, or a width that it has no use for.

    Raises:
        ModelError: naming what there is.
    """
    if name not in HEADS:
        raise ModelError(f"unknown head {name!r}; choose one of {', '.join(HEADS)}")
    if width is not None and (name in MAP_HEADS or width < 1):
        raise ModelError(f"head {name} got width {width}; a width, 1 or more, is for bottlenecks only")


def build_head(builder: Builder, name: HeadName, width: int | None) -> tuple[nn.Module, Shape | None]:
    """Build the head for the builder's current shape.

    Args:
        builder: its shape is afterwards that of the feature.
        name: of HEADS.
        width: D of a bottleneck; DEFAULT_WIDTHS where None.

    Returns:
        The head, and the shape that the processing module must go back to: None for the paper's head, which
        keeps its map.

    Raises:
        ModelError: as `check_head`, and where a head for maps meets a vector.
    """
    check_head(name, width)
    if name in BOTTLENECKS:
        before, builder.shape = builder.shape, (width or DEFAULT_WIDTHS[name],)
        return BOTTLENECKS[name](before, builder.shape[0]), before
    if len(builder.shape) != 3:
        raise ModelError(
            f"the head {name} takes a map (C, H, W) but comes after shape {builder.shape}; "
            "use the bottleneck head, or end the encoder before Flatten"
        )
    return MAP_HEADS[name](builder.shape[0]), None


def build_opening(builder: Builder, shape: Shape) -> list[nn.Module]:
    """Build the way from a bottleneck's D values back to a map or vector: linear layer and activation.

    In the complex form the layer has no bias and the activation is δ, so the secret passes through.

    Args:
        builder: its shape is that of the bottleneck, and afterwards `shape`.
        shape: to go back to, without the batch.

    Returns:
        The first layers of the processing module.
    """
    linear = builder.layer(d.Linear(math.prod(shape)))
    builder.shape = shape
    return [linear, nn.Unflatten(1, shape), builder.layer(d.Activation())]


def _conv(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel_size=3, padding=1)
