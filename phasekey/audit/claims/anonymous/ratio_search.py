"""Rows behind an orthogonal secret by a trained score: the density-ratio search, over O(k).

A network learns to tell rows from mixtures of k rows, c₁m₁ + … + c_k m_k with c uniform on the sphere. Its
score is the logarithm of the ratio of both densities (Gutmann and Hyvärinen 2010), so that Q̂ is sought where
the rows of Q̂ᵀX score most. The search climbs the score's gradient on O(k), Q̂ = Q̂₀ exp(S - Sᵀ), from the rows
that FastICA finds and from random ones, and keeps the best of each transmission.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Unwatched, Watch
from phasekey.audit.attackers.training import fit, seeded
from phasekey.audit.claims.anonymous.identification import RowReader
from phasekey.audit.claims.anonymous.row_search import BATCH, best_ends, held_out, mixtures
from phasekey.audit.claims.transmissions import Floats

RATE, DECAY = 2e-3, 0.05
CLIMB, SPEED = 60, 0.05  # steps of a search, and their size


@dataclass(frozen=True)
class RowScore:
    """A trained score of rows against their mixtures.

    Attributes:
        network: rows (N, ...) -> (N,), the larger the likelier a row by itself.
        curve: of its training.
    """

    network: nn.Module
    curve: tuple[CurvePoint, ...]


def train_score(
    rows: Floats, components: int, *, steps: int, seed: int, watch: Watch | None = None
) -> RowScore:
    """Learn to tell rows, of either sign, from mixtures of k of them; a tenth is held out.

    Args:
        rows: features that the attacker has, (N, ...), in random order.
        components: k.
        steps: of training.
        seed: of torch's random numbers.
        watch: told of every step.

    Returns:
        The score, with its curve of binary cross entropy.
    """
    with seeded(seed):
        held, seen = held_out(rows)
        network = RowReader(rows.shape[1:])
        curve = fit(
            network, lambda net, chosen: _loss(net, seen[chosen], seen, components),
            lambda net: float(_loss(net, held, held, components)),
            images=len(seen), steps=steps, batch=BATCH, rate=RATE, decay=DECAY, watch=watch or Unwatched(),
        )  # fmt: skip
    return RowScore(network, curve)


def _loss(network: nn.Module, rows: Tensor, others: Tensor, components: int) -> Tensor:
    shape = (len(rows), *[1] * (rows.dim() - 1))
    signs = 2.0 * torch.randint(2, shape, device=rows.device) - 1
    mixed = mixtures(others, len(rows), components)[0]
    truth = torch.cat([torch.ones(len(rows)), torch.zeros(len(rows))]).to(rows.device)
    scores = network(torch.cat([signs * rows, mixed]))
    return nn.functional.binary_cross_entropy_with_logits(scores, truth)


def search(x: Floats, score: RowScore, begin: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Find secrets by climbing the score.

    Args:
        x: transmissions, (N, k, ...).
        score: trained for k.
        begin: where one search of each starts, such as FastICA's secrets, (N, k, k).
        seed: of the random starts.

    Returns:
        Q̂, (N, k, k), orthogonal, up to order and signs of its columns: of all searches' starts and ends those
        that score most.
    """
    network = score.network.eval().requires_grad_(False)
    return best_ends(x, begin, seed, lambda sent, start: _climb(sent, network, start))


def _climb(x: Tensor, network: nn.Module, begin: Tensor) -> tuple[Tensor, Tensor]:
    """Where the climb ends, or its start where that scores more; and minus its score."""
    turn = torch.zeros_like(begin, requires_grad=True)
    optimiser = torch.optim.Adam([turn], lr=SPEED)
    with torch.enable_grad():
        for _ in range(CLIMB):
            loss = -_score(x, network, begin @ torch.linalg.matrix_exp(turn - turn.mT)).sum()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
    with torch.no_grad():
        end: Tensor = begin @ torch.linalg.matrix_exp(turn - turn.mT)
        before, after = (_score(x, network, secret) for secret in (begin, end))
    return torch.where((after > before)[:, None, None], end, begin), -torch.maximum(before, after)


def _score(x: Tensor, network: nn.Module, secret: Tensor) -> Tensor:
    """Sum of the scores of the rows of QᵀX: (N, k, ...), (N, k, k) -> (N,)."""
    rows = torch.einsum("nji,nj...->ni...", secret, x)
    scores: Tensor = network(rows.flatten(0, 1)).reshape(len(x), -1).sum(1)
    return scores
