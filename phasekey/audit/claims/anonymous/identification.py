"""Which of the k rows is the input? The attacker has them all, unordered, and learns what inputs look like.

Theorem A: if rows are exchangeable given all that he knows, he names the right one with probability 1/k. What
he may learn is where they are not: decoys of another law. So he is given what no attacker should have, inputs
and decoys of both laws with the answer beside them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Unwatched, Watch
from phasekey.audit.attackers.classifiers import ImageClassifier
from phasekey.audit.attackers.training import device, fit, seeded

Floats = NDArray[np.float32]
RATE, DECAY, BATCH, PART = 2e-3, 0.05, 128, 500
WIDTH = 24


@dataclass(frozen=True)
class Judge:
    """A trained classifier of input against decoy.

    Attributes:
        network: (N, ...) -> (N,), the larger the likelier an input.
        signs: whether a row's sign is unknown, so that both are tried and the better one counts.
        curve: of its training.
    """

    network: nn.Module
    signs: bool
    curve: tuple[CurvePoint, ...]

    @torch.no_grad()
    def score(self, rows: Floats) -> Floats:
        """Score rows (N, ...): (N,)."""
        parts = np.array_split(rows, -(-len(rows) // PART))
        return torch.cat([self._part(torch.from_numpy(part).to(device())) for part in parts]).cpu().numpy()

    def _part(self, rows: Tensor) -> Tensor:
        scores: Tensor = self.network(rows)
        return torch.maximum(scores, self.network(-rows)) if self.signs else scores


class RowReader(nn.Module):
    """A score of rows: maps (N, C, H, W) or vectors (N, D) -> (N,).

    Args:
        shape: of a row, (C, H, W) or (D,).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.norm: nn.Module
        if len(shape) == 3:
            self.norm = nn.BatchNorm2d(shape[0], affine=False)
            self.body: nn.Module = ImageClassifier((shape[0], shape[1], shape[2]), 1, WIDTH)
        else:
            self.norm = nn.BatchNorm1d(shape[0], affine=False)
            self.body = nn.Sequential(
                nn.Linear(shape[0], 256), nn.GELU(), nn.Dropout(0.1), nn.Linear(256, 256), nn.GELU(),
                nn.Linear(256, 1),
            )  # fmt: skip

    def forward(self, rows: Tensor) -> Tensor:
        scores: Tensor = self.body(self.norm(rows))[:, 0]
        return scores


def train_judge(
    inputs: Floats, decoys: Floats, *, signs: bool, steps: int, seed: int, watch: Watch | None = None
) -> Judge:
    """Learn to tell inputs from decoys; a tenth of each is held out, and the best weights there are kept.

    Args:
        inputs: features of inputs, (N, ...), in random order.
        decoys: rows of the decoys' law, (M, ...), in random order.
        signs: whether rows reach the attacker with unknown signs.
        steps: of training.
        seed: of torch's random numbers.
        watch: told of every step.

    Returns:
        The classifier, with its curve of binary cross entropy.
    """
    with seeded(seed):
        (held_in, known_in), (held_out, known_out) = (_held_out(side) for side in (inputs, decoys))
        network = RowReader(inputs.shape[1:])
        curve = fit(
            network, lambda net, rows: _loss(net, known_in[rows], _drawn(known_out, len(rows)), signs),
            lambda net: float(_loss(net, held_in, held_out, signs)),
            images=len(known_in), steps=steps, batch=BATCH // 2, rate=RATE, decay=DECAY,
            watch=watch or Unwatched(),
        )  # fmt: skip
    return Judge(network, signs, curve)


def _held_out(side: Floats) -> tuple[Tensor, Tensor]:
    """A tenth, and the rest."""
    rows = torch.from_numpy(np.ascontiguousarray(side)).to(device())
    return rows[: len(rows) // 10], rows[len(rows) // 10 :]


def _drawn(rows: Tensor, count: int) -> Tensor:
    return rows[torch.randint(len(rows), (count,), device=rows.device)]


def _loss(network: nn.Module, inputs: Tensor, decoys: Tensor, signs: bool) -> Tensor:
    rows = torch.cat([inputs, decoys])
    if signs:
        shape = (len(rows), *[1] * (rows.dim() - 1))
        rows = rows * (2.0 * torch.randint(2, shape, device=rows.device) - 1)
    truth = torch.cat([torch.ones(len(inputs)), torch.zeros(len(decoys))]).to(rows.device)
    return nn.functional.binary_cross_entropy_with_logits(network(rows), truth)


def named_rightly(scores: Floats) -> NDArray[np.float64]:
    """Whether the row with the largest score is row 0, the input.

    Args:
        scores: (N, k) of the rows of M, row 0 the input.

    Returns:
        (N,): 1 where it is, 0 where not; of equal scores each counts for its share.
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return np.asarray(best[:, 0] / best.sum(axis=1), np.float64)


def naming_rate(inputs: Floats, decoys: Floats, components: int) -> float:
    """How often an input scores above k - 1 decoys, over all choices of them.

    An input of which a share F of the decoys scores less is above k - 1 drawn ones with probability F^(k-1);
    of decoys that score the same, each is below by a coin's throw.

    Args:
        inputs: scores, (N,).
        decoys: scores, (M,).
        components: k.

    Returns:
        The mean of F^(k-1) over inputs: 1/k where both have one law.
    """
    ordered = np.sort(decoys)
    below = np.searchsorted(ordered, inputs, "left") + np.searchsorted(ordered, inputs, "right")
    return float(np.mean((below / (2 * len(decoys))) ** (components - 1)))


def auc(inputs: Floats, decoys: Floats) -> float:
    """Area under the curve: how often an input scores above a decoy, ties by half (Mann and Whitney 1947)."""
    order = np.concatenate([inputs, decoys])
    _, inverse, counts = np.unique(order, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[: len(inputs)].sum() - len(inputs) * (len(inputs) + 1) / 2
    return float(above / (len(inputs) * len(decoys)))
