"""Rows behind an orthogonal secret by a trained network that cleans them: a search over O(k) without a score.

A network is given mixtures c₁m₁ + … + c_k m_k, c on the sphere, and learns to return the row of the largest
|c|, with its sign. From any Q̂, the rows of Q̂ᵀX are such mixtures; Q̂ becomes the orthogonal matrix that brings
X nearest to what the network makes of them (Procrustes: the polar factor of X times their transpose), and so
on, until they stay. That is FastICA's fixed point (Hyvärinen 1999) with a trained denoiser in the place of
its nonlinearity, as in plug-and-play methods (Venkatakrishnan et al. 2013). Of several starts the one
whose rows the network changes least is kept.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Unwatched, Watch
from phasekey.audit.attackers.training import fit, seeded
from phasekey.audit.claims.anonymous.row_search import BATCH, best_ends, held_out, mixtures
from phasekey.audit.claims.transmissions import Floats

RATE, DECAY, WIDTH = 2e-3, 1e-3, 32
ROUNDS = 12  # of a search


@dataclass(frozen=True)
class RowCleaner:
    """A trained denoiser of rows.

    Attributes:
        network: mixtures (N, ...) -> rows (N, ...), odd.
        curve: of its training, mean square error over that of returning nothing.
    """

    network: nn.Module
    curve: tuple[CurvePoint, ...]


class OddNetwork(nn.Module):
    """Maps (N, C, H, W) or vectors (N, D) -> the same shape; of -y it returns the negative.

    Args:
        rows: of which the size of each channel's or each place's values is learnt, (N, ...).
    """

    scale: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        over = tuple(at for at in range(rows.dim()) if at != 1)
        self.register_buffer("scale", rows.square().mean(over, keepdim=True).sqrt().clamp_min(1e-6))
        size = rows.shape[1]
        if rows.dim() == 4:
            self.body = nn.Sequential(
                nn.Conv2d(size, WIDTH, 5, padding=2), nn.GELU(), nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.GELU(), nn.Conv2d(WIDTH, size, 3, padding=1),
            )  # fmt: skip
        else:
            self.body = nn.Sequential(
                nn.Linear(size, 8 * WIDTH), nn.GELU(), nn.Linear(8 * WIDTH, 8 * WIDTH), nn.GELU(),
                nn.Linear(8 * WIDTH, size),
            )  # fmt: skip

    def forward(self, mixtures: Tensor) -> Tensor:
        values = mixtures / self.scale
        cleaned: Tensor = self.scale * (values + (self.body(values) - self.body(-values)) / 2)
        return cleaned


def train_cleaner(
    rows: Floats, components: int, *, steps: int, seed: int, watch: Watch | None = None
) -> RowCleaner:
    """Learn to find the strongest row in mixtures of k; a tenth of the rows is held out.

    Args:
        rows: features that the attacker has, (N, ...), in random order.
        components: k.
        steps: of training.
        seed: of torch's random numbers.
        watch: told of every step.

    Returns:
        The denoiser, with its curve.
    """
    with seeded(seed):
        held, seen = held_out(rows)
        size = float(np.square(rows, dtype=np.float64).mean()) or 1.0
        network = OddNetwork(seen)
        curve = fit(
            network, lambda net, chosen: _loss(net, seen, len(chosen), components) / size,
            lambda net: float(_loss(net, held, 4 * BATCH, components)) / size,
            images=len(seen), steps=steps, batch=BATCH, rate=RATE, decay=DECAY, watch=watch or Unwatched(),
        )  # fmt: skip
    return RowCleaner(network, curve)


def _loss(network: nn.Module, rows: Tensor, count: int, components: int) -> Tensor:
    mixed, drawn, weights = mixtures(rows, count, components)
    strongest = weights.abs().argmax(1)
    signs = weights.gather(1, strongest[:, None]).sign().reshape(-1, *[1] * (rows.dim() - 1))
    target = signs * drawn[torch.arange(count, device=rows.device), strongest]
    loss: Tensor = (network(mixed) - target).square().mean()
    return loss


@torch.no_grad()
def clean(x: Floats, cleaner: RowCleaner, begin: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Find secrets by cleaning rows and turning after them.

    Args:
        x: transmissions, (N, k, ...).
        cleaner: trained for k.
        begin: where one search of each starts, (N, k, k).
        seed: of the random starts.

    Returns:
        Q̂, (N, k, k), orthogonal, up to order and signs of its columns.
    """
    network = cleaner.network.eval()
    return best_ends(x, begin, seed, lambda sent, start: _turned(sent, network, start))


def _turned(x: Tensor, network: nn.Module, secret: Tensor) -> tuple[Tensor, Tensor]:
    """Where the turns end, and how much the network changes its rows."""
    for _ in range(ROUNDS):
        cleaned = _cleaned(x, network, secret)[1]
        left, _, right = torch.linalg.svd(torch.einsum("nif,njf->nij", x.flatten(2), cleaned))
        secret = left @ right
    rows, cleaned = _cleaned(x, network, secret)
    return secret, (cleaned - rows).square().sum((1, 2))


def _cleaned(x: Tensor, network: nn.Module, secret: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of QᵀX, and what the network makes of them: both (N, k, F)."""
    rows = torch.einsum("nji,nj...->ni...", secret, x)
    cleaned = network(rows.flatten(0, 1)).reshape(rows.shape)
    return rows.flatten(2), cleaned.flatten(2)
