"""VGG-16 (Simonyan & Zisserman 2015), split as section 5.1 says; with batch norm, to train from nothing.

Encoder: all before the last 56 × 56 map. Processing: the other convolutions. Decoder: fully connected layers.
"""

from phasekey.model.description import (
    Activation,
    Architecture,
    BatchNorm,
    Classes,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
)

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions)


def describe() -> Architecture:
    """224 × 224 images; feature 256 × 56 × 56, processed feature 512 × 7 × 7."""
    stages = [_stage(width, count) for width, count in STAGES]
    body = tuple(layer for stage in stages for layer in stage)
    decoder: tuple[Layer, ...] = (
        *(Flatten(), Linear(4096), Activation(), Dropout()),
        *(Linear(4096), Activation(), Dropout(), Classes()),
    )
    # The third stage ends in its last convolution (56 × 56), batch norm, activation and pooling.
    encoder_end = sum(len(stage) for stage in stages[:3]) - 4
    return Architecture("vgg16", (*body, *decoder), encoder_end, len(body), threshold=None, image_size=224)


def _stage(width: int, count: int) -> tuple[Layer, ...]:
    convolution = (Conv(width, 3, padding=1, bias=False), BatchNorm(), Activation())
    return (*convolution * count, MaxPool(2))
