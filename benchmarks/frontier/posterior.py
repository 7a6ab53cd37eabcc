"""The best attacker there is against Gaussian decoys, with training features for the law of features.

W = aaᵀ + S, S ~ Wishart_D(k - 1, σ²I). Given a, W has the density of S at W - aaᵀ, and |W - aaᵀ| is
|W|(1 - aᵀW⁻¹a). So for features of one length the likelihood of a candidate c is, up to a factor of all,

    (1 - cᵀW⁻¹c)^{(k-D-2)/2} where cᵀW⁻¹c < 1, else 0.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Floats = NDArray[np.float32]


def label_posterior(
    grams: Floats, candidates: Floats, labels: NDArray[np.int64], *, components: int, classes: int
) -> Floats:
    """Weigh labels by the likelihoods of candidate features, one as likely as another beforehand.

    Args:
        grams: W, (N, D, D).
        candidates: features of one length, (n, D).
        labels: theirs, (n,).
        components: k ≥ D + 2.
        classes: how many.

    Returns:
        (N, classes), rows that sum to 1; evenly where no candidate is possible.
    """
    power = (components - grams.shape[1] - 2) / 2
    members = np.eye(classes, dtype=np.float32)[labels]
    found = np.empty((len(grams), classes), np.float32)
    for row, gram in enumerate(grams):
        factor = np.linalg.cholesky(gram)
        inside = 1 - np.square(solve_triangular(factor, candidates.T, lower=True)).sum(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(inside > 0, power * np.log(inside), -np.inf)
        most = logs.max()
        weights = np.exp(logs - most) if np.isfinite(most) else np.ones_like(logs)
        found[row] = weights @ members / weights.sum()
    return found
