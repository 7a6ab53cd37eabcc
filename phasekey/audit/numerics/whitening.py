"""A linear view of features in which every direction varies alike: what closed-form attacks work in.

Directions of little variance often say most about the angle: a wide feature lies on a thin set, and a wrong
angle leaves it (docs/privacy.md). A linear map of features is the same map of x, whatever its rotation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.numerics.arrays import Floats

SHRINKAGE = 1e-3  # of the mean variance, added to every direction's
LARGEST = 2048  # values of a feature that are decomposed in full
COMPONENTS = 1024  # of larger features
ROWS = 20_000  # features from which directions are learnt


@dataclass(frozen=True)
class Spectrum:
    """Principal directions of features, largest first.

    Attributes:
        directions: (K, D).
        variance: how much features vary along them, (K,).
    """

    directions: NDArray[np.float64]
    variance: NDArray[np.float64]

    def whitening(self, shrinkage: float = SHRINKAGE) -> Floats:
        """A linear map for whose values all directions vary about alike.

        Args:
            shrinkage: times the mean variance, added to every direction's.

        Returns:
            W (K, D) float32.
        """
        scale = np.sqrt(self.variance + shrinkage * self.variance.mean() + 1e-12)
        matrix: Floats = (self.directions / scale[:, None]).astype(np.float32)
        return matrix


def spectrum(features: Floats, *, centred: bool = True) -> Spectrum:
    """Principal directions: all of them up to D = 2,048, beyond that the 1,024 largest.

    Args:
        features: (N, D).
        centred: False for second moments about zero, so that a large mean does not outweigh the rest.

    Returns:
        Directions and variances, largest first.
    """
    rows = features[:: -(-len(features) // ROWS)]
    rows = rows - rows.mean(0) if centred else rows
    return _largest(rows) if rows.shape[1] > LARGEST else _all(rows)


def views(features: Floats) -> tuple[Floats, ...]:
    """Axes along which the law of features may not be Gaussian: the principal components; and the feature's
    own values, unless they are too many.

    Args:
        features: (N, D).

    Returns:
        One or two arrays (K, D).
    """
    components = spectrum(features).whitening()
    if features.shape[1] > LARGEST:
        return (components,)
    return components, np.diag(1 / (features.std(0) + 1e-6)).astype(np.float32)


def _all(rows: Floats) -> Spectrum:
    covariance = (rows.T @ rows / len(rows)).astype(np.float64)
    variance, directions = np.linalg.eigh(covariance)
    return Spectrum(directions.T[::-1], np.maximum(variance[::-1], 0))


def _largest(rows: Floats) -> Spectrum:
    """Randomised principal components (Halko, Martinsson and Tropp 2011), one power iteration."""
    count = min(COMPONENTS, len(rows))
    probes = np.random.default_rng(0).standard_normal((rows.shape[1], count)).astype(np.float32)
    start = np.linalg.qr(rows.T @ (rows @ probes))[0]
    basis = np.linalg.qr(rows.T @ (rows @ start))[0]
    _, spread, directions = np.linalg.svd(rows @ basis, full_matrices=False)
    return Spectrum((directions @ basis.T).astype(np.float64), spread.astype(np.float64) ** 2 / len(rows))
