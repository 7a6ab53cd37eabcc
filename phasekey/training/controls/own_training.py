"""Training the device's own networks, epoch by epoch, with a bar that knows how long it will take."""

import copy
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from phasekey.training.controls.family import PlainNetwork
from phasekey.training.controls.kept import Kept
from phasekey.training.data.dataset import Split
from phasekey.training.data.lazy import Images
from phasekey.training.evaluate import to_float

BATCH, RATE, DECAY = 128, 3e-3, 0.05
TIMED = 2  # steps of each network, after one that is not counted


@dataclass(frozen=True)
class Lessons:
    """What networks are trained on.

    Attributes:
        train: images and labels of classes.
        known: rows of it to learn from.
        epochs: passes over them.
        mirror: turn images left to right at random.
    """

    train: Split
    known: np.ndarray
    epochs: int
    mirror: bool

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return max(1, len(self.known) // BATCH)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through an epoch in an order that hangs on the seed; images (B, C, H, W), labels (B,)."""
        draw = torch.Generator().manual_seed(seed)
        order = self.known[torch.randperm(len(self.known), generator=draw).numpy()]
        for rows in map(np.sort, np.array_split(order, self.steps)):
            images = batch_of(self.train.images, rows)
            if self.mirror:
                turned = torch.rand(len(images), 1, 1, 1, generator=draw) < 0.5
                images = torch.where(turned, images.flip(3), images)
            yield images, torch.from_numpy(self.train.labels[rows])


def fit(networks: Sequence[PlainNetwork], lessons: Lessons, kept: Kept | None, *, progress: bool) -> None:
    """Train networks in place, one after another.

    Args:
        networks: of different depths.
        lessons: what on.
        kept: keeps every epoch, and gives those of an earlier call.
        progress: show a bar.
    """
    trainees = [_Trainee(network, lessons, kept) for network in networks]
    seconds = [trainee.seconds_per_step() if progress else 0.0 for trainee in trainees]
    left = sum(s * trainee.left for s, trainee in zip(seconds, trainees, strict=True))
    if progress:
        said = f"training {len(networks)} networks of the device's operations: about {_minutes(left)}"
        tqdm.write(said, file=sys.stderr)
    with tqdm(total=left, bar_format=_BAR, disable=None if progress else True) as bar:
        for trainee, each in zip(trainees, seconds, strict=True):
            bar.set_description(f"own network, {trainee.network.description}")
            while trainee.left:
                trainee.epoch(bar, each)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


# The bar is as long as the seconds that timed steps promise, so that what is left of it is time.
_BAR = "{desc}{percentage:3.0f}%|{bar}| {elapsed} gone, about {remaining} left"


class _Trainee:
    """One network and how far it is."""

    def __init__(self, network: PlainNetwork, lessons: Lessons, kept: Kept | None) -> None:
        self.network, self.lessons, self.kept = network, lessons, kept
        self.name, self.done = f"own-{network.depth}-{network.width}", 0
        self.optimiser = AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
        self.schedule = OneCycleLR(self.optimiser, RATE, total_steps=lessons.epochs * lessons.steps)
        state = kept.load(self.name) if kept else None
        if state is not None:
            self._load(state)

    @property
    def left(self) -> int:
        """Steps that are still to be done."""
        return (self.lessons.epochs - self.done) * self.lessons.steps

    def seconds_per_step(self) -> float:
        """Time a few steps of a copy; 0 where nothing is left."""
        if not self.left:
            return 0.0
        network, begun = copy.deepcopy(self.network).train(), 0.0
        images, labels = next(self.lessons.batches(0))
        for step in range(1 + TIMED):
            if step == 1:
                begun = time.perf_counter()
            torch.autograd.backward(F.cross_entropy(network(images), labels))
        return (time.perf_counter() - begun) / TIMED

    def epoch(self, bar: "tqdm[Any]", seconds: float) -> None:
        """Train for one epoch, and keep it."""
        self.network.train()
        for images, labels in self.lessons.batches(1000 * self.network.depth + self.done):
            loss = F.cross_entropy(self.network(images), labels)
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            self.optimiser.step()
            self.schedule.step()
            bar.update(seconds)
        self.done += 1
        if self.kept:
            self.kept.save(self.name, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "done": self.done,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.done = state["done"]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])


def batch_of(images: Images, rows: np.ndarray) -> Tensor:
    """Images by rows as networks take them, (B, C, H, W) in [0, 1]."""
    return to_float(torch.from_numpy(np.ascontiguousarray(images[rows])))
