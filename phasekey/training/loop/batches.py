"""The order of the training images: shuffled anew for each epoch, augmented, and resumable anywhere."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from phasekey.training.data.dataset import Augment, Split
from phasekey.training.evaluate import to_float
from phasekey.training.loop.augment import augment
from phasekey.training.pixels import Pixels


class Batches:
    """Endless epochs over a split held on the device, and the place in them.

    Images that do not fill a last batch wait for the next epoch.

    Args:
        split: images and labels.
        batch_size: images a step, of all processes together.
        kind: augmentation.
        seed: of order and augmentation.
        device: where images and labels lie.
        rank: of several processes, which one this is, from 0; all draw the same order, and each takes its
            part of every batch.
        world_size: processes.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        kind: Augment,
        seed: int,
        device: torch.device,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.images = Pixels(split.images, device)
        self.labels = torch.from_numpy(split.labels).to(device)
        self.kind, self.rank, self.world_size = kind, rank, world_size
        # A batch that all processes can share evenly; a small data set is one batch.
        self.batch_size = max(world_size, min(batch_size, len(split)) // world_size * world_size)
        self.steps = len(split) // self.batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.done = 0  # batches of this epoch that were used up

    def epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through what is left of the epoch begun, or through a new one.

        `done` counts a batch from the moment that it is handed out.

        Yields:
            Images (N, C, H, W) in [0, 1], and labels (N,) or (N, A).
        """
        if self.done in (0, self.steps):
            self.order, self.done = torch.randperm(len(self.labels), generator=self.generator), 0
        while self.done < self.steps:
            mine = self._rows(self.done)
            images = self.images[mine]
            self.done += 1
            if self.done < self.steps:
                self.images.ahead(self._rows(self.done))
            yield to_float(augment(images, self.kind, self.generator)), self.labels[mine]

    def _rows(self, number: int) -> Tensor:
        """This process's part of a batch of the epoch."""
        chosen = self.order[number * self.batch_size :][: self.batch_size]
        return chosen.chunk(self.world_size)[self.rank].to(self.labels.device)

    def state_dict(self) -> dict[str, Any]:
        """Collect order, place and generator, as plain values."""
        return {"order": self.order, "done": self.done, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over order, place and generator that another `state_dict` gave."""
        self.order, self.done = state["order"], state["done"]
        self.generator.set_state(state["generator"])
