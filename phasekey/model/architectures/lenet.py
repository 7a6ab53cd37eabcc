"""LeNet (LeCun et al. 1998) with ReLU and max pooling; split as section 5.1 says.

Encoder: the first convolution, with its pooling, and the generator. Decoder: the softmax layer.
"""

from phasekey.model.description import (
    Activation,
    Architecture,
    Classes,
    Conv,
    Flatten,
    Linear,
    MaxPool,
)


def describe() -> Architecture:
    """32 × 32 images; feature 6 × 14 × 14, processed feature 84."""
    encoder = (Conv(6, 5), Activation(), MaxPool(2))
    convolutions = (Conv(16, 5), Activation(), MaxPool(2), Flatten())
    fully_connected = (Linear(120), Activation(), Linear(84), Activation())
    layers = (*encoder, *convolutions, *fully_connected, Classes())
    # With c_k of one mean norm, the paper's, δ is too nearly linear for so few layers (docs/adr/0041).
    return Architecture("lenet", layers, len(encoder), len(layers) - 1, threshold=None, mean_norms=2.0)
