"""The plane that x spans: what a guess of the angle makes of a transmission (Eq. 2-3), in numpy.

The keyed rotation itself lives in the sdk; this is the attacker's side, for guesses.
"""

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.scene import Floats


def parts(x: Floats) -> NDArray[np.complex64]:
    """Pair layout (N, 2C, ...) -> complex (N, C·...): one row for each transmission."""
    half = x.shape[1] // 2
    values: NDArray[np.complex64] = x[:, :half].reshape(len(x), -1) + 1j * x[:, half:].reshape(len(x), -1)
    return values


def hide(feature: Floats, decoy: Floats, theta: NDArray[np.float64]) -> Floats:
    """Eq. 2, x = e^{iθ}(a + ib): features and decoys (N, C, ...), angles (N,) -> pair layout (N, 2C, ...)."""
    turned = np.exp(1j * _each(theta, feature)) * (feature + 1j * decoy)
    return np.concatenate([turned.real, turned.imag], axis=1).astype(np.float32)


def unrotate(x: Floats, theta: NDArray[np.float64]) -> Floats:
    """a* = Re[x e^{-iθ}] for guesses (N,): pair layout (N, 2C, ...) -> (N, C, ...) (Eq. 3)."""
    half = x.shape[1] // 2
    turned = x[:, :half] * np.cos(_each(theta, x)) + x[:, half:] * np.sin(_each(theta, x))
    return turned.astype(np.float32)


def turn(x: Floats, angle: NDArray[np.float64]) -> Floats:
    """x e^{i·angle}: pair layout (N, 2C, ...), angles (N,) -> pair layout."""
    half = x.shape[1] // 2
    return hide(x[:, :half], x[:, half:], angle)


def _each(theta: NDArray[np.float64], like: Floats) -> NDArray[np.float64]:
    return np.asarray(theta, np.float64).reshape(-1, *[1] * (like.ndim - 1))
