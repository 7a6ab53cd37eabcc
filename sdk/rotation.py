"""The keyed rotation: x = e^{iθ}(a + ib), and its undoing (Xiang et al. 2020, equations 1 and 3).

Pure numpy. Complex tensors are real arrays with the channel axis doubled, real block first:
(N, 2C, …). Sums are taken in float64 and rounded once to float32, so the rotation adds no more than
rounding to a prediction.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdk.errors import SdkError

Floats = npt.NDArray[np.float32]
Angles = npt.NDArray[np.float64]


def rotate(feature: Floats, decoy: Floats, theta: Angles) -> Floats:
    """Hide a feature: compute e^{iθ}(a + ib).

    Args:
        feature: a, (N, C, …), real.
        decoy: b, of the same shape, real.
        theta: one angle for each sample, (N,), radians.

    Returns:
        (N, 2C, …) float32: a cos θ - b sin θ, then a sin θ + b cos θ.

    Raises:
        SdkError: the shapes do not fit.
    """
    if feature.shape != decoy.shape:
        raise SdkError(f"Feature and decoy must have one shape, got {feature.shape} and {decoy.shape}.")
    cos, sin = _cos_sin(theta, feature)
    real = feature * cos - decoy * sin
    imaginary = feature * sin + decoy * cos
    return np.concatenate([real, imaginary], axis=1).astype(np.float32)


def unrotate(h: Floats, theta: Angles) -> Floats:
    """Undo the rotation and drop what the decoy left: compute Re[h e^{-iθ}].

    Args:
        h: the processed feature, (N, 2D, …), real block first.
        theta: the angles that the input was rotated by, (N,), radians.

    Returns:
        (N, D, …) float32.

    Raises:
        SdkError: the shapes do not fit.
    """
    cos, sin = _cos_sin(theta, h)
    if h.shape[1] % 2:
        raise SdkError(f"A complex tensor has an even number of channels, got {h.shape[1]}.")
    real, imaginary = np.split(h, 2, axis=1)
    return (real * cos + imaginary * sin).astype(np.float32)


def _cos_sin(theta: Angles, tensor: Floats) -> tuple[Angles, Angles]:
    """Give cos θ and sin θ in float64, shaped to multiply each sample of the tensor."""
    if tensor.ndim < 2 or theta.shape != (len(tensor),):
        raise SdkError(
            f"Expected a tensor (N, C, …) and N angles, got shapes {tensor.shape} and {theta.shape}."
        )
    angles = theta.astype(np.float64).reshape(-1, *[1] * (tensor.ndim - 1))
    return np.cos(angles), np.sin(angles)
