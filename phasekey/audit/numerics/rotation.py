"""The plane that x spans: what a guess of the angle makes of a transmission (Eq. 2-3), in numpy.

The keyed rotation itself lives in the sdk; this is the attacker's side, for guesses.
"""

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.numerics.arrays import Floats


def parts(x: Floats) -> NDArray[np.complex64]:
    """Pair layout as complex numbers.

    Args:
        x: (N, 2C, ...), real block first.

    Returns:
        complex64 (N, C·...): one row for each transmission.
    """
    half = x.shape[1] // 2
    values: NDArray[np.complex64] = x[:, :half].reshape(len(x), -1) + 1j * x[:, half:].reshape(len(x), -1)
    return values


def hide(feature: Floats, decoy: Floats, theta: NDArray[np.float64]) -> Floats:
    """Eq. 2, x = e^{iθ}(a + ib).

    Args:
        feature: a, (N, C, ...).
        decoy: b, (N, C, ...).
        theta: radians (N,).

    Returns:
        Pair layout (N, 2C, ...).
    """
    cos, sin = _cos_sin(theta, feature)
    return np.concatenate([feature * cos - decoy * sin, feature * sin + decoy * cos], axis=1)


def unrotate(x: Floats, theta: NDArray[np.float64]) -> Floats:
    """a* = Re[x e^{-iθ̂}] (Eq. 3).

    Args:
        x: pair layout (N, 2C, ...).
        theta: guesses in radians, (N,).

    Returns:
        (N, C, ...).
    """
    half = x.shape[1] // 2
    cos, sin = _cos_sin(theta, x)
    return x[:, :half] * cos + x[:, half:] * sin


def turn(x: Floats, angle: NDArray[np.float64]) -> Floats:
    """x e^{i·angle}.

    Args:
        x: pair layout (N, 2C, ...).
        angle: radians (N,).

    Returns:
        Pair layout (N, 2C, ...).
    """
    half = x.shape[1] // 2
    return hide(x[:, :half], x[:, half:], angle)


def _cos_sin(theta: NDArray[np.float64], like: Floats) -> tuple[Floats, Floats]:
    """One of each for every row. As float32: in float64 the products of a large split would not fit."""
    angles = np.asarray(theta, np.float64).reshape(-1, *[1] * (like.ndim - 1))
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def cosines(x: Floats, feature: Floats, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosine between Re[x e^{-iθ̂}] and the feature for several guesses of each angle.

    By the plane's Gram matrix: no vector of a guess is ever made.

    Args:
        x: pair layout (N, 2C, ...).
        feature: (N, C, ...).
        angle: guesses in radians, (N, T).

    Returns:
        (N, T) in [-1, 1]; 0 where one of the two is zero.
    """
    z = parts(x)
    real, imaginary = z.real.astype(np.float64), z.imag.astype(np.float64)
    flat = feature.reshape(len(feature), -1).astype(np.float64)
    cos, sin = np.cos(angle), np.sin(angle)

    def dot(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.einsum("nd,nd->n", one, two)[:, None]
        return products

    along = cos * dot(real, flat) + sin * dot(imaginary, flat)
    squares = cos**2 * dot(real, real) + 2 * cos * sin * dot(real, imaginary)
    lengths = np.sqrt(np.maximum(squares + sin**2 * dot(imaginary, imaginary), 0) * dot(flat, flat))
    found: NDArray[np.float64] = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
    return found


def major_axis(x: Floats) -> NDArray[np.float64]:
    """The angle for which Re[x e^{-iθ̂}] is longest: half the phase of Σ x².

    Args:
        x: pair layout (N, 2C, ...).

    Returns:
        Radians (N,) in (-π/2, π/2].
    """
    angles: NDArray[np.float64] = np.angle(np.square(parts(x)).sum(1)).astype(np.float64) / 2
    return angles
