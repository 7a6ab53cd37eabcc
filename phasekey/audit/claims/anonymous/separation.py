"""Finding the k rows behind an orthogonal secret: independent component analysis of spatial differences.

Neighbouring positions of a map differ little, and their differences are far from Gaussian; those of different
rows are independent. So the k components of X, as k mixtures of k signals with one sample for each
difference, are what FastICA takes (Hyvärinen 1999; scikit-learn's). It finds rows up to order and sign,
without training.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from phasekey.audit.claims.transmissions import draw_secrets

Floats = NDArray[np.float32]
ITERATIONS = 200
BLIND = 20_000  # secrets drawn to see what `row_match` gives who knows nothing


def differences(x: Floats) -> Floats:
    """Take differences between neighbours along both axes of maps.

    Args:
        x: (k, C, H, W), or (k, D), of which neighbouring values are taken as they are.

    Returns:
        (k, S).
    """
    if x.ndim == 2:
        return x
    across, down = np.diff(x, axis=3), np.diff(x, axis=2)
    return np.concatenate([across.reshape(len(x), -1), down.reshape(len(x), -1)], axis=1)


def separate(x: Floats, seed: int) -> NDArray[np.float64]:
    """Estimate the secret of one transmission, up to order and sign of its columns.

    Args:
        x: (k, C, H, W) or (k, D).
        seed: where the search starts.

    Returns:
        Q̂, (k, k), orthogonal: x ≈ Q̂ · rows.
    """
    samples = differences(x).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # then it is as far as it got
        analysis = FastICA(
            len(x), whiten="unit-variance", max_iter=ITERATIONS, random_state=seed, tol=1e-3
        ).fit(samples)
    # The mixing matrix's columns differ in length where rows do; the nearest orthogonal one is wanted.
    left, _, right = np.linalg.svd(analysis.mixing_ / np.linalg.norm(analysis.mixing_, axis=0))
    return np.asarray(left @ right)


def row_match(found: NDArray[np.float64], secret: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say how well each true row was found: the largest |cosine| to a column found, (k,)."""
    return np.asarray(np.abs(found.T @ secret).max(axis=0))


def blind_match(components: int) -> float:
    """Say what `row_match` gives on average where a secret is guessed blindly: the best column counts."""
    guessed = draw_secrets("orthogonal", BLIND, components, np.random.default_rng(0))
    return float(np.abs(guessed[:, 0]).max(axis=1).mean())
