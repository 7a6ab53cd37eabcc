"""The training loop: cross-entropy through the complex path, an angle and a decoy for every sample.

The paper trains further losses against leaks (Eq. 8-9); this loop trains the task alone.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import phasekey
from phasekey.model import SplitNetwork, build_network
from phasekey.training import objective
from phasekey.training.augment import augment
from phasekey.training.checkpoint import Checkpoint, save_checkpoint
from phasekey.training.config import TrainConfig
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.errors import TrainingError
from phasekey.training.evaluate import evaluate, to_float
from phasekey.training.metrics import EpochMetrics, write_metrics
from phasekey.training.schedule import build_optimiser, build_schedule

MODEL_FILE = "model.pt"
METRICS_FILE = "metrics.jsonl"

OnEpoch = Callable[[EpochMetrics], None]


def train(
    config: TrainConfig, dataset: ImageDataset, *, progress: bool = False, on_epoch: OnEpoch | None = None
) -> Path:
    """Train and return the path of model.pt, written anew after every epoch beside metrics.jsonl.

    The same seed gives the same weights on the same machine with one thread. torch's global random
    state is left as it was. Raises TrainingError where the loss stops being a number; model.pt is then
    that of the last good epoch.
    """
    _make_folder(config.out)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        run = _Run(config, dataset, progress)
        finished: list[EpochMetrics] = []
        for epoch in range(1, config.epochs + 1):
            finished.append(run.epoch(epoch))
            save_checkpoint(config.out / MODEL_FILE, run.checkpoint(finished[-1]))
            write_metrics(config.out / METRICS_FILE, finished)
            if on_epoch is not None:
                on_epoch(finished[-1])
    return config.out / MODEL_FILE


class _Run:
    """The state of one run: network, optimiser, schedule, and the data on the device."""

    def __init__(self, config: TrainConfig, dataset: ImageDataset, progress: bool) -> None:
        self.config, self.dataset, self.progress = config, dataset, progress
        self.device = _device(config)
        self.architecture: dict[str, Any] = {
            "arch": config.arch, "variant": config.variant, "form": config.form, "gamma": config.gamma,
            "classes": len(dataset.classes), "image": dataset.image_shape,
        }  # fmt: skip
        self.network = build_network(**self.architecture)
        self.train, self.test = self._tensors(dataset.train), self._tensors(dataset.test)
        self.network.sampler.fit(self.train[0].cpu())
        self.network.to(self.device)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.augment = dataset.augment if config.augment == "auto" else config.augment
        self.batch_size = min(config.batch_size, len(dataset.train))
        self.steps = len(dataset.train) // self.batch_size
        self.optimiser = build_optimiser(self.network.parameters(), config)
        self.schedule = build_schedule(self.optimiser, config, self.steps)

    def _tensors(self, split: Split) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(split.images).to(self.device),
            torch.from_numpy(split.labels).to(self.device),
        )

    def epoch(self, number: int) -> EpochMetrics:
        """Train for one epoch, then test."""
        started = time.perf_counter()
        loss_sum = right = 0.0
        for images, labels in self._batches(number):
            loss, hits = self._step(images, labels)
            self._require_finite(loss, number)
            loss_sum, right = loss_sum + loss, right + hits
        self._require_finite(_largest_weight(self.network), number)
        accuracy = evaluate(self.network, *self.test)
        seconds = time.perf_counter() - started
        seen = self.steps * self.batch_size
        return EpochMetrics(
            number, loss_sum / self.steps, right / seen, accuracy.rotated, accuracy.plain, seconds
        )

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled, augmented batches; images that do not fill a last one wait for the next epoch."""
        images, labels = self.train
        order = torch.randperm(len(labels), generator=self.generator).to(self.device)
        bar = tqdm(
            torch.split(order, self.batch_size)[: self.steps],
            f"epoch {epoch}/{self.config.epochs}",
            unit="batch",
            leave=False,
            disable=None if self.progress else True,
        )
        for chosen in bar:
            yield to_float(augment(images[chosen], self.augment, self.generator)), labels[chosen]

    def _step(self, images: Tensor, labels: Tensor) -> tuple[float, float]:
        self.network.train()
        logits = self.network(images)
        loss = objective.loss(logits, labels)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.schedule.step()
        return float(loss.detach()), objective.hits(logits.detach(), labels)

    def _require_finite(self, value: float, epoch: int) -> None:
        if np.isfinite(value):
            return
        path = self.config.out / MODEL_FILE
        kept = f"{str(path)!r} is that of epoch {epoch - 1}" if epoch > 1 else "this run saved nothing"
        raise TrainingError(
            f"training diverged in epoch {epoch}: the loss or the weights are not finite; {kept}; "
            f"try a smaller --lr (it was {self.config.lr:g}) or a longer --warmup"
        )

    def checkpoint(self, metrics: EpochMetrics) -> Checkpoint:
        """The network as it is now. It holds no date and no duration: the same run, the same bytes."""
        facts = {
            "data": self.dataset.name,
            "training_images": len(self.dataset.train),
            "test_images": len(self.dataset.test),
            "epochs": metrics.epoch,
            "loss": metrics.loss,
            "train_accuracy": metrics.train_accuracy,
            "test_accuracy": metrics.test_accuracy,
            "test_accuracy_plain": metrics.test_accuracy_plain,
            "versions": {
                "phasekey": phasekey.__version__, "torch": str(torch.__version__), "numpy": np.__version__
            },
        }  # fmt: skip
        return Checkpoint(self.network, self.architecture, self.dataset.classes, self.config.facts(), facts)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot write to --out {str(path)!r}: {error.strerror}") from error


def _largest_weight(network: SplitNetwork) -> float:
    """Largest |weight|, over running statistics too; NaN or infinite where any is."""
    tensors = [value for value in network.state_dict().values() if value.is_floating_point()]
    return float(torch.stack([value.abs().max() for value in tensors]).max())


def _device(config: TrainConfig) -> torch.device:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "--device cuda was asked for but torch sees no CUDA device; use --device cpu or auto"
        )
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(config.device)
