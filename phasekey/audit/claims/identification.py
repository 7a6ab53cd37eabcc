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

from phasekey.audit.attack import CurvePoint
from phasekey.audit.attackers.classifiers import ImageClassifier

Floats = NDArray[np.float32]
RATE, DECAY, BATCH, CHECKS, PART = 2e-3, 0.05, 128, 10, 500
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
        parts = [self._part(torch.from_numpy(part)) for part in np.array_split(rows, -(-len(rows) // PART))]
        return torch.cat(parts).numpy()

    def _part(self, rows: Tensor) -> Tensor:
        scores: Tensor = self.network(rows)
        return torch.maximum(scores, self.network(-rows)) if self.signs else scores


class _Reader(nn.Module):
    """(N, C, H, W) or (N, D) -> (N,)."""

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


def train_judge(inputs: Floats, decoys: Floats, *, signs: bool, steps: int, seed: int) -> Judge:
    """Learn to tell inputs from decoys; a tenth of each is held out, and the best weights there are kept.

    Args:
        inputs: features of inputs, (N, ...).
        decoys: rows of the decoys' law, (M, ...).
        signs: whether rows reach the attacker with unknown signs.
        steps: of training.
        seed: of torch's random numbers.

    Returns:
        The classifier, with its curve of binary cross entropy.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sides = [torch.from_numpy(np.ascontiguousarray(side)) for side in (inputs, decoys)]
        held = [len(side) // 10 for side in sides]
        network = _Reader(inputs.shape[1:])
        optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        curve: list[CurvePoint] = []
        best, kept, running, every = np.inf, _state(network), 0.0, max(1, steps // CHECKS)
        for step in range(1, steps + 1):
            chosen = [
                side[torch.randint(start, len(side), (BATCH // 2,))]
                for side, start in zip(sides, held, strict=True)
            ]
            value = _loss(network, chosen, signs)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            optimiser.step()
            schedule.step()
            running += float(value.detach())
            if step % every == 0:
                check = _check(
                    network, [side[:count] for side, count in zip(sides, held, strict=True)], signs
                )
                curve.append(CurvePoint(step, running / every, check))
                running = 0.0
                if check < best:
                    best, kept = check, _state(network)
        network.load_state_dict(kept)
    return Judge(network.eval(), signs, tuple(curve))


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@torch.no_grad()
def _check(network: nn.Module, sides: list[Tensor], signs: bool) -> float:
    network.eval()
    value = float(_loss(network, sides, signs))
    network.train()
    return value


def _loss(network: nn.Module, sides: list[Tensor], signs: bool) -> Tensor:
    rows = torch.cat(sides)
    if signs:
        rows = rows * (2.0 * torch.randint(2, (len(rows), *[1] * (rows.dim() - 1))) - 1)
    truth = torch.cat([torch.ones(len(sides[0])), torch.zeros(len(sides[1]))])
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


def auc(inputs: Floats, decoys: Floats) -> float:
    """Area under the curve: how often an input scores above a decoy, ties by half (Mann and Whitney 1947)."""
    order = np.concatenate([inputs, decoys])
    _, inverse, counts = np.unique(order, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[: len(inputs)].sum() - len(inputs) * (len(inputs) + 1) / 2
    return float(above / (len(inputs) * len(decoys)))
