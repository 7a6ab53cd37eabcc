"""Gaussian decoys of a feature, as few rows as tell the cloud the same.

X = QM with M = [a; B], B of k - 1 rows N(0, σ²I) and Q Haar in O(k). X tells what its Gram matrix XᵀX =
aaᵀ + BᵀB tells, and no more; BᵀB is σ² times a Wishart matrix of k - 1 degrees of freedom. Where k - 1 > D it
is drawn by its triangular factor (Bartlett 1933): RᵀR with R_ii² ~ χ²_{k-i} and R_ij ~ N(0, 1) above the
diagonal. So D + 1 rows stand for k, whatever k.
"""

import torch
from torch import Tensor


def decoy_rows(count: int, values: int, components: int, sigma: float) -> Tensor:
    """Draw decoys from torch's random numbers.

    Args:
        count: n, transmissions.
        values: D.
        components: k ≥ 1; one has no decoys.
        sigma: σ.

    Returns:
        (n, min(k - 1, D), D), rows whose Gram matrix has the law of that of k - 1 decoys.
    """
    freedom = components - 1
    if freedom <= values:
        return sigma * torch.randn(count, freedom, values)
    rows = torch.randn(count, values, values).triu(1)
    degrees = torch.arange(freedom, freedom - values, -1, dtype=torch.float32)
    diagonal = torch.distributions.Chi2(degrees).sample((count,)).sqrt()
    return sigma * (rows + torch.diag_embed(diagonal))
