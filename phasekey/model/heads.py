"""What an encoder ends in, so that the feature can be hidden: three heads (docs/adr/0030, docs/adr/0032).

`paper` is the generator of section 4.2 and Appendix B. `bottleneck` narrows the feature to a vector; the
processing module then opens with the way back to the map. `deep-bottleneck` has layers before that, so that
it can choose what the vector says, and by which law.
"""

import math
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from phasekey.model import description as d
from phasekey.model.build import Builder, Shape
from phasekey.model.errors import ModelError
from phasekey.model.layers import Residual

HeadName = Literal["paper", "bottleneck", "deep-bottleneck"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)
DEFAULT_WIDTHS: dict[HeadName, int] = {"bottleneck": 128, "deep-bottleneck": 12}
# Of the layers before a deep bottleneck: channels, the side at which pooling ends, and units.
CHANNELS, LARGEST_SIDE, HIDDEN = 16, 8, 256
SMALLEST_SPREAD = 1e-3  # a value that hardly varies stays small when whitened


class Generator(nn.Sequential):
    """Appendix B: input convolution, residual block of two convolutions with a skip, output convolution.

    (N, C, H, W) -> (N, C, H, W). It ends in a convolution: a trailing ReLU would make every feature
    non-negative and give the angle away (docs/adr/0002).
    """

    def __init__(self, channels: int) -> None:
        block = nn.Sequential(
            _conv(channels), nn.BatchNorm2d(channels), nn.ReLU(), _conv(channels), nn.BatchNorm2d(channels)
        )
        super().__init__(
            _conv(channels), nn.ReLU(), Residual(block, nn.Identity()), nn.ReLU(), _conv(channels)
        )


class Bottleneck(nn.Module):
    """(N, ...) -> (N, D): a linear layer, then batch norm without affine, so mean 0 and variance 1 each."""

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(math.prod(shape), width, bias=False)  # the norm would take any bias away
        self.norm = nn.BatchNorm1d(width, affine=False)

    def forward(self, f: Tensor) -> Tensor:
        feature: Tensor = self.norm(self.linear(f.flatten(1)))
        return feature

    @torch.no_grad()
    def centre(self, features: Tensor) -> None:
        """Move the norm so that what gave these features (N, D) at inference gives mean 0, variance 1."""
        mean, variance = cast(Tensor, self.norm.running_mean), cast(Tensor, self.norm.running_var)
        spread = (variance + self.norm.eps).sqrt()
        mean += features.mean(0) * spread
        variance.copy_((features.var(0, unbiased=False) * spread**2 - self.norm.eps).clamp(min=0))

    @torch.no_grad()
    def whiten(self, features: Tensor) -> Tensor:
        """As `centre`, and turn and scale so that their covariance is I; the matrix (D, D) that undoes it.

        Where N(0, I) hides the feature, any correlation tells the two apart.
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


BOTTLENECKS: dict[HeadName, type[Bottleneck]] = {"bottleneck": Bottleneck, "deep-bottleneck": DeepBottleneck}


def check_head(name: HeadName, width: int | None) -> None:
    """Raise ModelError for a head that does not exist, or a width that it has no use for."""
    if name not in HEADS:
        raise ModelError(f"unknown head {name!r}; choose one of {', '.join(HEADS)}")
    if width is not None and (name == "paper" or width < 1):
        raise ModelError(f"head {name} got width {width}; a width, 1 or more, is for bottlenecks only")


def build_head(builder: Builder, name: HeadName, width: int | None) -> tuple[nn.Module, Shape | None]:
    """The head for the builder's current shape, and the shape that the processing module must go back to.

    That is None for the paper's head, which keeps its map. Raises ModelError as `check_head` does, and
    where the paper's head meets a vector.
    """
    check_head(name, width)
    if name in BOTTLENECKS:
        before, builder.shape = builder.shape, (width or DEFAULT_WIDTHS[name],)
        return BOTTLENECKS[name](before, builder.shape[0]), before
    if len(builder.shape) != 3:
        raise ModelError(
            f"the paper's head takes a map (C, H, W) but comes after shape {builder.shape}; "
            "use the bottleneck head, or end the encoder before Flatten"
        )
    return Generator(builder.shape[0]), None


def build_opening(builder: Builder, shape: Shape) -> list[nn.Module]:
    """From a bottleneck's D values back to a map or vector of this shape: linear layer and activation.

    In the complex form the layer has no bias and the activation is δ, so rotation passes through.
    """
    linear = builder.layer(d.Linear(math.prod(shape)))
    builder.shape = shape
    return [linear, nn.Unflatten(1, shape), builder.layer(d.Activation())]


def _conv(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel_size=3, padding=1)
