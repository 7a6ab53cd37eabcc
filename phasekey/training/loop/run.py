"""The state of one run: network, data and defence on their device, and the place in the run."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from phasekey.machine import versions
from phasekey.model import SplitNetwork, build_network
from phasekey.model.hiding.sampler import LARGEST_FIT
from phasekey.training.centring import centre_features
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls.stability import MOST_IMAGES, stability
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.errors import DivergedError
from phasekey.training.evaluate import evaluate
from phasekey.training.loop.batches import Batches
from phasekey.training.loop.hardware import build_accelerator
from phasekey.training.loop.metrics import EpochMetrics, Sums
from phasekey.training.loop.step import Learner
from phasekey.training.own import OwnNetwork, layers_identity
from phasekey.training.pixels import Pixels, spread
from phasekey.training.settings.config import TrainConfig

SECRETS = 10  # for each test image, at the end of a run


class Run:
    """One run of training; `finished` holds the figures of its epochs so far.

    Random draws come from torch's global generators, seeded here, and from that of the batches.

    Args:
        config: settings.
        dataset: images to train and test on.
        own: a network of the caller's, in place of the one that the settings name.
        progress: show a bar.
    """

    def __init__(
        self,
        config: TrainConfig,
        dataset: ImageDataset,
        *,
        own: OwnNetwork | None = None,
        progress: bool = False,
    ) -> None:
        self.config, self.dataset, self.progress = config, dataset, progress
        self.accelerator = build_accelerator(config)
        self.rank, self.world_size = self.accelerator.process_index, self.accelerator.num_processes
        self.device = self.accelerator.device
        torch.manual_seed(config.seed)
        if own is None:
            self.architecture = architecture_of(config, dataset)
            network = build_network(**self.architecture)
        else:
            self.architecture, network = own.architecture, own.network
        network.sampler.fit(spread(dataset.train.images, LARGEST_FIT))
        self.batches = self._batches(dataset.train)
        self.test = Pixels(dataset.test.images, self.device)
        self.test_labels = torch.from_numpy(dataset.test.labels).to(self.device)
        self.learner = Learner(network, config, self.accelerator, self.batches.steps)
        if self.rank > 0:
            torch.manual_seed(config.seed + self.rank)  # the same weights, other angles and decoys
        self.sums, self.seconds = Sums(), 0.0
        self.finished: list[EpochMetrics] = []

    def _batches(self, split: Split) -> Batches:
        config = self.config
        return Batches(
            split,
            batch_size=config.batch_size,
            kind=self.dataset.augmentation(config.augment),
            seed=config.seed,
            device=self.device,
            rank=self.rank,
            world_size=self.world_size,
        )

    @property
    def network(self) -> SplitNetwork:
        """The network that is trained."""
        return self.learner.network

    @property
    def number(self) -> int:
        """The epoch that is under way or comes next, from 1."""
        return len(self.finished) + 1

    def epoch(self, after_step: Callable[[], None]) -> None:
        """Train to the end of the epoch, then test.

        Args:
            after_step: called between steps.

        Raises:
            DivergedError: where the loss or the weights are no numbers any more.
        """
        started = time.perf_counter() - self.seconds
        with self._bar() as bar:
            for images, labels in self.batches.epoch():
                figures = self.learner.step(images, labels)
                self.require_finite(figures["loss"])
                self.sums.add(figures)
                self.seconds = time.perf_counter() - started
                bar.update()
                if self.batches.done < self.batches.steps:
                    after_step()
        self.require_finite(self.learner.largest_weight())
        self._close_epoch(started)

    def _close_epoch(self, started: float) -> None:
        centre_features(self.network, self.dataset.train.images, self.device)
        accuracy = evaluate(self.network, self.test, self.test_labels)
        means = self.sums.means(self.batches.steps)
        loss, right = means.pop("loss"), means.pop("right")
        defence = {name.removeprefix("defence/"): value for name, value in means.items()}
        seconds = time.perf_counter() - started
        self.finished.append(
            EpochMetrics(self.number, loss, right, accuracy.hidden, accuracy.plain, seconds, defence)
        )
        self.sums, self.seconds = Sums(), 0.0

    def _bar(self) -> "tqdm[Any]":
        return tqdm(
            total=self.batches.steps,
            initial=self.batches.done % self.batches.steps,
            desc=f"epoch {self.number}/{self.config.epochs}",
            unit="batch",
            leave=False,
            disable=None if self.progress and self.rank == 0 else True,
        )

    def require_finite(self, value: float) -> None:
        """Stop a run that cannot come to anything.

        Args:
            value: a loss or a weight.

        Raises:
            DivergedError: where it is no number any more.
        """
        if np.isfinite(value):
            return
        path = self.config.out / "model.pt"
        kept = f"{str(path)!r} is that of epoch {len(self.finished)}"
        if not self.finished:
            kept = "this run saved nothing"
        raise DivergedError(
            f"training diverged in epoch {self.number}: the loss or the weights are not finite; {kept}; "
            f"try a smaller --lr (it was {self.config.lr:g}) or a longer --warmup"
        )

    def checkpoint(self) -> Checkpoint:
        """The network as it is now. It holds no date and no duration: the same run, the same bytes."""
        metrics = self.finished[-1]
        facts = {
            "data": self.dataset.name,
            "training_images": len(self.dataset.train),
            "test_images": len(self.dataset.test),
            "epochs": metrics.epoch,
            "loss": metrics.loss,
            "train_accuracy": metrics.train_accuracy,
            "test_accuracy": metrics.test_accuracy,
            "test_accuracy_plain": metrics.test_accuracy_plain,
            "defence": metrics.defence,
            **self._stability(),
            "versions": versions(),
        }
        return Checkpoint(self.network, self.architecture, self.dataset.classes, self.config.facts(), facts)

    def _stability(self) -> dict[str, Any]:
        """How far the finished network's answers hang on the secret, where it has one and tells classes."""
        network, test = self.network, self.dataset.test
        if len(self.finished) < self.config.epochs or not network.has_secret or test.labels.ndim > 1:
            return {}
        if len(test) < network.components:  # no decoys for a permutation, which `evaluate` does without
            return {}
        trained = copy.deepcopy(network).cpu()
        return {"stability": stability(trained, test, SECRETS, most_images=MOST_IMAGES).facts()}

    def identity(self) -> dict[str, Any]:
        """What must be the same for the result to be the same."""
        digest = sha256()
        for part in (spread(self.dataset.train.images, LARGEST_FIT).numpy(), self.dataset.train.labels):
            digest.update(part.tobytes())
        return {
            **self.config.facts(),
            **{f"version of {name}": value for name, value in versions().items()},
            "training images": f"{len(self.dataset.train)}, sha256 {digest.hexdigest()[:12]}",
            **layers_identity(self.architecture),
            "processes": self.world_size,
        }

    def state_dict(self) -> dict[str, Any]:
        """Collect everything that the rest of the run depends on."""
        return {
            "learner": self.learner.state_dict(),
            "batches": self.batches.state_dict(),
            "sums": self.sums.state_dict(),
            "seconds": self.seconds,
            "finished": [asdict(metrics) for metrics in self.finished],
            "random": torch.random.get_rng_state(),
            "random on the device": torch.cuda.get_rng_state(self.device) if self._on_cuda else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over everything that another process's `state_dict` gave."""
        self.learner.load_state_dict(state["learner"])
        self.batches.load_state_dict(state["batches"])
        self.sums.load_state_dict(state["sums"])
        self.seconds = state["seconds"]
        self.finished = [EpochMetrics(**metrics) for metrics in state["finished"]]
        if self.rank == 0:  # the others draw anew: their state is not in the file
            torch.random.set_rng_state(state["random"])
            if self._on_cuda:
                torch.cuda.set_rng_state(state["random on the device"], self.device)

    @property
    def _on_cuda(self) -> bool:
        return bool(self.device.type == "cuda")


def architecture_of(config: TrainConfig, dataset: ImageDataset) -> dict[str, Any]:
    """Collect what `build_network` takes, and what a checkpoint keeps to build it again.

    Args:
        config: form, head, decoys and secret.
        dataset: classes, task and shape of the images.
    """
    return {
        "arch": config.arch, "variant": config.variant, "split": config.split,
        "form": config.form, "gamma": config.gamma,
        "head": config.head, "width": config.width, "decoy": config.decoy_law,
        "secret": config.secret, "components": config.components, "sigma": config.sigma,
        "classes": len(dataset.classes), "task": dataset.task, "image": dataset.image_shape,
    }  # fmt: skip
