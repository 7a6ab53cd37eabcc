"""Several transmissions of one scene: whose rows recur? Pure.

A film's frames are nearly alike, decoys drawn afresh are not: the row that has a near twin in every other
transmission is the input. If decoys come as bursts, each hiding one film, every row has twins.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def recurrence(rows: Floats, transmissions: Floats) -> Floats:
    """Score the rows of one transmission by how well each is matched in the others.

    Args:
        rows: (k, D), as the attacker has them, unordered, up to sign.
        transmissions: (T, k, D), the others.

    Returns:
        (k,): the mean over transmissions of the largest |cosine| to one of its rows.
    """
    unit, others = _unit(rows), _unit(transmissions)
    cosines = np.abs(np.einsum("kd,tjd->tkj", unit, others))
    return np.asarray(cosines.max(axis=2).mean(axis=0), np.float32)


def _unit(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    return np.asarray(
        centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-12), np.float32
    )


def follow(rows: Floats, transmissions: Floats) -> NDArray[np.int64]:
    """Say which row of each other transmission continues which of these.

    Args:
        rows: (k, D).
        transmissions: (T, k, D).

    Returns:
        (T, k): for each row, the index of its best match.
    """
    cosines = np.abs(np.einsum("kd,tjd->tkj", _unit(rows), _unit(transmissions)))
    return np.asarray(cosines.argmax(axis=2), np.int64)


def shared_direction(x: Floats) -> Floats:
    """Guess the feature that several transmissions share: the direction nearest to all their spans.

    The rows of X = QM span what those of M do, whatever Q. Under isotropic small differences of the features
    the likeliest direction is the one that the spans' projectors, added up, lengthen most: their first
    eigenvector. Of one transmission it is some direction of its span.

    Args:
        x: n transmissions of each of N scenes, (N, n, k, D).

    Returns:
        Unit vectors up to sign, (N, D).
    """
    bases = np.linalg.qr(x.swapaxes(2, 3).astype(np.float64))[0]  # (N, n, D, k)
    joined = bases.transpose(0, 2, 1, 3).reshape(len(x), x.shape[3], -1)
    return np.asarray(
        np.stack([np.linalg.svd(one, full_matrices=False)[0][:, 0] for one in joined]), np.float32
    )
