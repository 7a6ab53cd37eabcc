"""AlexNet (Krizhevsky et al. 2012), in one tower; split as section 5.1 says.

Encoder: the first three convolutions and the generator. Decoder: the fully connected layers.
"""

from phasekey.model.description import (
    Activation,
    Architecture,
    Classes,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
)


def describe() -> Architecture:
    """224 × 224 images; feature 384 × 13 × 13, processed feature 256 × 6 × 6."""
    encoder: tuple[Layer, ...] = (
        *(Conv(96, 11, stride=4, padding=2), Activation(), MaxPool(3, 2)),
        *(Conv(256, 5, padding=2), Activation(), MaxPool(3, 2)),
        *(Conv(384, 3, padding=1), Activation()),
    )
    processing: tuple[Layer, ...] = (
        *(Conv(384, 3, padding=1), Activation()),
        *(Conv(256, 3, padding=1), Activation(), MaxPool(3, 2)),
    )
    decoder: tuple[Layer, ...] = (
        *(Flatten(), Dropout(), Linear(4096), Activation()),
        *(Dropout(), Linear(4096), Activation(), Classes()),
    )
    layers = (*encoder, *processing, *decoder)
    end = len(encoder)
    return Architecture("alexnet", layers, end, end + len(processing), threshold=None, image_size=224)
