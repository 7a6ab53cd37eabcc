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
from phasekey.audit.attackers.training import device, fit, seeded

Floats = NDArray[np.float32]
RATE, DECAY, BATCH, WIDTH = 2e-3, 1e-3, 64, 32
ROUNDS, RANDOM_STARTS, PART = (
    12,
    2,
    50,
)  # of a search; its starts beside the one given; transmissions at a time


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
        known = torch.from_numpy(np.ascontiguousarray(rows)).to(device())
        held, seen = known[: len(known) // 10], known[len(known) // 10 :]
        size = float(known.square().mean()) or 1.0
        network = OddNetwork(seen)
        curve = fit(
            network, lambda net, chosen: _loss(net, seen, len(chosen), components) / size,
            lambda net: float(_loss(net, held, 4 * BATCH, components)) / size,
            images=len(seen), steps=steps, batch=BATCH, rate=RATE, decay=DECAY, watch=watch or Unwatched(),
        )  # fmt: skip
    return RowCleaner(network, curve)


def _loss(network: nn.Module, rows: Tensor, count: int, components: int) -> Tensor:
    drawn = rows[torch.randint(len(rows), (count, components), device=rows.device)]
    weights = nn.functional.normalize(torch.randn(count, components, device=rows.device), dim=1)
    strongest = weights.abs().argmax(1)
    signs = weights.gather(1, strongest[:, None]).sign().reshape(-1, *[1] * (rows.dim() - 1))
    target = signs * drawn[torch.arange(count, device=rows.device), strongest]
    loss: Tensor = (network(torch.einsum("nk,nk...->n...", weights, drawn)) - target).square().mean()
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
    cleaner.network.eval()
    rng = np.random.default_rng(seed)
    random = [np.linalg.qr(rng.standard_normal(begin.shape))[0] for _ in range(RANDOM_STARTS)]
    starts = np.stack([begin, *random])
    parts = np.array_split(np.arange(len(x)), -(-len(x) // PART))
    return np.concatenate([_best(x[at], cleaner.network, starts[:, at]) for at in parts])


def _best(x: Floats, network: nn.Module, starts: NDArray[np.float64]) -> NDArray[np.float64]:
    sent = torch.from_numpy(np.ascontiguousarray(x)).to(device())
    ends, changes = [], []
    for start in starts:
        secret = torch.from_numpy(start).float().to(sent.device)
        for _ in range(ROUNDS):
            cleaned = _cleaned(sent, network, secret)[1]
            left, _, right = torch.linalg.svd(torch.einsum("nif,njf->nij", sent.flatten(2), cleaned))
            secret = left @ right
        rows, cleaned = _cleaned(sent, network, secret)
        ends.append(secret)
        changes.append((cleaned - rows).square().sum((1, 2)))
    chosen = torch.stack(ends)[torch.stack(changes).argmin(0), torch.arange(len(sent))]
    return np.asarray(chosen.cpu().numpy(), np.float64)


def _cleaned(x: Tensor, network: nn.Module, secret: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of QᵀX, and what the network makes of them: both (N, k, F)."""
    rows = torch.einsum("nji,nj...->ni...", secret, x)
    cleaned = network(rows.flatten(0, 1)).reshape(rows.shape)
    return rows.flatten(2), cleaned.flatten(2)
