"""One point of the frontier: an encoder, D, k and σ; what the cloud answers, and what an attacker finds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.frontier.decoys import decoy_rows
from benchmarks.frontier.features import Features, is_right
from benchmarks.frontier.networks import Attacker, Cloud, Plain
from benchmarks.frontier.posterior import label_posterior

STEPS, BATCH, RATE, DECAY = 800, 512, 3e-3, 0.02
SHARED = 8  # features that one draw of decoys hides in training: noisier gradients for an eighth of the work
EVALUATED = 500  # test images at a time, each with decoys of its own
DRAWS = 2  # of decoys for each test image
CANDIDATES, JUDGED = 10_000, 1_000  # training features of the posterior, and test images that it judges

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """Where on the frontier: encoder, D, k and σ. One component hides nothing."""

    encoder: str
    values: int
    components: int
    sigma: float

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.encoder}-{self.values}-k{self.components}-s{self.sigma:g}"


@dataclass(frozen=True)
class Cell:
    """What was found at a place.

    Attributes:
        right: share of right answers of the cloud to each test image, (n,).
        guesses: of attackers by name, the same of their guesses at the label; not all judge all images.
    """

    right: Floats
    guesses: dict[str, Floats]

    def write(self, path: Path) -> None:
        """Keep it; a run that is cut off goes on behind it."""
        partial = path.with_suffix(".partial.npz")
        arrays: dict[str, Any] = {"right": self.right, **self.guesses}
        np.savez_compressed(partial, **arrays)
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Cell":
        """Read it back."""
        with np.load(path) as kept:
            found = dict(kept)
        return cls(found.pop("right"), found)


def measure(place: Place, features: Features, linear: tuple[Tensor, Tensor], *, steps: int = STEPS) -> Cell:
    """Train cloud and attacker at a place, and score both on the test images.

    Args:
        place: where.
        features: of its encoder.
        linear: the read-out's weight (C, D) and bias (C,).
        steps: of training.

    Returns:
        Cell; the same for the same arguments on the same machine with one thread.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if place.components == 1:
            plain = Plain(place.values, features.classes)
            _train((plain,), features, place, steps)
            return Cell(_right(plain, features, place), {})
        cloud = Cloud(*linear)
        if place.components >= place.values + 2:
            _train((cloud,), features, place, steps)
            return Cell(_right(cloud, features, place), {"posterior": _posterior_right(features, place)})
        attacker = Attacker(place.values, features.classes)
        _train((cloud, attacker), features, place, steps)
        return Cell(_right(cloud, features, place), {"trained": _right(attacker, features, place)})


def _train(networks: tuple[nn.Module, ...], features: Features, place: Place, steps: int) -> None:
    values, labels = torch.from_numpy(features.train), torch.from_numpy(features.train_labels)
    parameters = [parameter for network in networks for parameter in network.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(values), (BATCH,))
        decoys = decoy_rows(BATCH // SHARED, place.values, place.components, place.sigma)
        losses = [F.cross_entropy(network(values[rows], decoys), labels[rows]) for network in networks]
        optimiser.zero_grad()
        torch.autograd.backward(losses)
        optimiser.step()
        schedule.step()


@torch.no_grad()
def _right(network: nn.Module, features: Features, place: Place) -> Floats:
    network.eval()

    def answer(feature: Tensor) -> Tensor:
        decoys = decoy_rows(len(feature), place.values, place.components, place.sigma)
        found: Tensor = network(feature, decoys)
        return found

    draws = [_batches(answer, torch.from_numpy(features.test)) for _ in range(DRAWS)]
    rights = [is_right(draw, features.test_labels) for draw in draws]
    return np.asarray(np.mean(rights, axis=0), np.float32)


def _posterior_right(features: Features, place: Place) -> Floats:
    chosen = np.linspace(0, len(features.test) - 1, min(JUDGED, len(features.test))).astype(np.intp)
    known = np.linspace(0, len(features.train) // 2 - 1, CANDIDATES).astype(np.intp)  # no mirror images

    def gram(feature: Tensor) -> Tensor:
        decoys = decoy_rows(len(feature), place.values, place.components, place.sigma)
        return feature[:, :, None] * feature[:, None] + decoys.transpose(1, 2) @ decoys

    grams = _batches(gram, torch.from_numpy(features.test[chosen])).numpy()
    found = label_posterior(
        grams, features.train[known], features.train_labels[known],
        components=place.components, classes=features.classes,
    )  # fmt: skip
    return is_right(torch.from_numpy(found), features.test_labels[chosen])


def _batches(run: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
    return torch.cat([run(part) for part in torch.split(features, EVALUATED)])
