"""How an architecture is written down: its layers and the two split points, once for all its forms."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Conv:
    """Convolution with a square kernel; channels are those that come out, sizes in pixels."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True  # in the real forms; a complex layer never has one


@dataclass(frozen=True)
class Linear:
    """Fully connected layer on vectors (D,); features are the values that come out."""

    features: int


@dataclass(frozen=True)
class Classes:
    """The last fully connected layer: one value for each class (logits)."""


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over samples and positions, per channel."""


@dataclass(frozen=True)
class Activation:
    """ReLU in the real forms, δ of Eq. 6 in the complex one."""


@dataclass(frozen=True)
class MaxPool:
    """Max pooling; by the norm in the complex form."""

    kernel: int
    stride: int | None = None
    padding: int = 0


@dataclass(frozen=True)
class AvgPool:
    """Average pooling over windows; kernel None = over the whole map, down to 1×1."""

    kernel: int | None = None


@dataclass(frozen=True)
class Dropout:
    """Dropout; one mask for all components in the complex form."""

    probability: float = 0.5


@dataclass(frozen=True)
class Flatten:
    """Map -> vector, (N, C, H, W) -> (N, C·H·W)."""


@dataclass(frozen=True)
class Residual:
    """body(f) + shortcut(f); an empty shortcut is the identity."""

    body: tuple["Layer", ...]
    shortcut: tuple["Layer", ...] = ()


Layer = Conv | Linear | Classes | BatchNorm | Activation | MaxPool | AvgPool | Dropout | Flatten | Residual


@dataclass(frozen=True)
class Architecture:
    """Layers from image to logits; layers[:encoder_end] stay on the device before the wire,
    layers[decoder_start:] on the device after it, and the processing module is what lies between.

    Args:
        name: for messages.
        layers: from image to logits.
        encoder_end: index of the processing module's first layer.
        decoder_start: index of the decoder's first layer.
        threshold: c of δ (Eq. 6) for two components, or None for c_k = mean_norms · E_ij|f_ijk| (section 5.1,
            where it is 1).
        mean_norms: c_k in mean norms.
        image_size: the side in pixels that the layers are written for.
        pixel_mean, pixel_std: how pixels, 0 to 1, are scaled for the first layer: (pixel - mean) / std, one
            number or one for each channel. The same for every data set by default; pretrained weights want
            theirs.
    """

    name: str
    layers: tuple[Layer, ...]
    encoder_end: int
    decoder_start: int
    threshold: float | None = 1.0
    mean_norms: float = 1.0
    image_size: int = 32
    pixel_mean: float | tuple[float, ...] = 0.5
    pixel_std: float | tuple[float, ...] = 0.25
