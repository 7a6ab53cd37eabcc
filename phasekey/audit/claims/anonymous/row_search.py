"""What searches for the k rows behind an orthogonal secret share: mixtures to learn from, and their starts.

Both learn on mixtures c₁m₁ + … + c_k m_k of known rows, c uniform on the sphere: such are the rows of Q̂ᵀX for
any Q̂. Both begin at a given secret and at random ones, and keep of each transmission's ends the best.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phasekey.audit.attackers.training import device
from phasekey.audit.claims.transmissions import Floats, draw_secrets

BATCH = 64  # rows of a training step
RANDOM_STARTS, PART = 2, 50  # beside the start that is given; transmissions at a time

# Transmissions (N, k, ...) and one start of each (N, k, k) -> ends (N, k, k), and how bad each is (N,).
Walk = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def held_out(rows: Floats) -> tuple[Tensor, Tensor]:
    """Split rows (N, ...), in random order, on the training device: a tenth to check on, the others."""
    known = torch.from_numpy(np.ascontiguousarray(rows)).to(device())
    return known[: len(known) // 10], known[len(known) // 10 :]


def mixtures(rows: Tensor, count: int, components: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw mixtures of rows by torch's random state.

    Args:
        rows: to draw from, (N, ...).
        count: M, how many mixtures.
        components: k, rows in each.

    Returns:
        The mixtures (M, ...), the rows in them (M, k, ...) and their weights c (M, k), of length 1.
    """
    drawn = rows[torch.randint(len(rows), (count, components), device=rows.device)]
    weights = torch.nn.functional.normalize(torch.randn(count, components, device=rows.device), dim=1)
    return torch.einsum("nk,nk...->n...", weights, drawn), drawn, weights


def best_ends(x: Floats, begin: NDArray[np.float64], seed: int, walk: Walk) -> NDArray[np.float64]:
    """Walk from several starts, and keep for each transmission the end that is least bad.

    Args:
        x: transmissions, (N, k, ...).
        begin: one start of each, (N, k, k), orthogonal.
        seed: of the random starts.
        walk: from a start to an end.

    Returns:
        Q̂, (N, k, k).
    """
    rng = np.random.default_rng(seed)
    count, components = begin.shape[:2]
    random = [draw_secrets("orthogonal", count, components, rng) for _ in range(RANDOM_STARTS)]
    starts = np.stack([begin, *random])
    parts = np.array_split(np.arange(len(x)), -(-len(x) // PART))
    return np.concatenate([_best(x[at], starts[:, at], walk) for at in parts])


def _best(x: Floats, starts: NDArray[np.float64], walk: Walk) -> NDArray[np.float64]:
    sent = torch.from_numpy(np.ascontiguousarray(x)).to(device())
    walked = [walk(sent, torch.from_numpy(start).float().to(sent.device)) for start in starts]
    ends, badness = (torch.stack(each) for each in zip(*walked, strict=True))
    chosen = ends[badness.argmin(0), torch.arange(len(sent))]
    return np.asarray(chosen.cpu().numpy(), np.float64)
