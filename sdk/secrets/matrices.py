"""The secret matrices Q, (N, k, k) float64, made of words of a key's stream (see stream.py).

Three laws (docs/adr/0014): the paper's rotation, SO(2); Haar's on O(k); uniform on the permutations. All are
orthogonal, so Q undoes itself by its transpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdk.secrets.stream import Doubles, Words, normal, uniform, words_for_normal

Matrices = npt.NDArray[np.float64]
Angles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """How one kind of secret is drawn.

    Attributes:
        words: how many words of the stream a k × k matrix takes.
        draw: from words (N, words(k)) to matrices (N, k, k).
    """

    words: Callable[[int], int]
    draw: Callable[[Words, int], Matrices]


def rotations(theta: Angles) -> Matrices:
    """Give [[cos θ, -sin θ], [sin θ, cos θ]] of angles (N,) in radians: x = e^{iθ}(a + ib) is Q[a; b]."""
    matrices = np.empty((*theta.shape, 2, 2))
    matrices[..., 0, 0] = matrices[..., 1, 1] = np.cos(theta)
    matrices[..., 1, 0] = sin = np.sin(theta)
    matrices[..., 0, 1] = -sin
    return matrices


def angles(matrices: Matrices) -> Angles:
    """Give back θ in [0, 2π) of rotations (N, 2, 2)."""
    return np.mod(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]), 2 * np.pi)


def haar(normals: Doubles, components: int) -> Matrices:
    """Turn k² normal numbers for each sample, (N, k²), into matrices of Haar's law on O(k).

    A = QR has one Q only if R's diagonal is positive, and then Q inherits from A that it has the law of OQ
    for every orthogonal O (Mezzadri 2007): LAPACK's Q gets the signs of its R's diagonal.
    """
    q, r = np.linalg.qr(normals.reshape(-1, components, components))
    signs = np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)
    return np.asarray(q * signs[:, None, :], np.float64)


def permutations(drawn: Words) -> Matrices:
    """Sort k random words for each sample: Q[i, j] = 1 where row j of M goes out as row i.

    Two of k words of 64 bits are equal with a probability below k² / 2^65; else all orders are as likely.
    """
    order = np.argsort(drawn, axis=1, kind="stable")
    return np.eye(drawn.shape[1])[order]


LAWS: dict[str, Law] = {
    "rotation": Law(lambda _: 1, lambda drawn, _: rotations(2 * np.pi * uniform(drawn[:, 0]))),
    "orthogonal": Law(lambda k: words_for_normal(k * k), lambda drawn, k: haar(normal(drawn, k * k), k)),
    "permutation": Law(lambda k: k, lambda drawn, _: permutations(drawn)),
}
