"""What an encoder ends in, so that the feature can be hidden (section 4.2, Appendix B)."""

from torch import nn

from phasekey.model.layers import Residual


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


def _conv(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel_size=3, padding=1)
