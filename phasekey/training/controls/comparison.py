"""What the cloud adds: a network through secret and decoys beside what its device could do alone."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from phasekey.model import SplitNetwork
from phasekey.model.counting import count_work
from phasekey.training.controls.answers import Interval, answers, mean_of
from phasekey.training.controls.kept import Kept
from phasekey.training.controls.own_network import OwnNetwork, largest_trained, own_network
from phasekey.training.controls.read_out import ReadOut, linear_read_out
from phasekey.training.controls.stability import Stability, stability_of
from phasekey.training.data.dataset import ImageDataset

DRAWS = 10  # of secret and decoys, for stability


@dataclass(frozen=True)
class Comparison:
    """Errors on the same test images, and what the cloud adds to the better control.

    Attributes:
        error: of the network, through secret and decoys.
        read_out: a linear read-out of the feature.
        own: the best network of the device's own operations.
        device_operations: for an image, while somebody waits: encoder, its pass for decoys that are drawn for
            each answer, and decoder.
        added: accuracy of the network less that of the better control, image by image.
        stability: over several secrets.
        whole_operations: of the same network without hiding, for an image.
        tried_operations: the most that an own network was allowed: less than the device's where training one
            of those would take too long.
    """

    error: Interval
    read_out: ReadOut
    own: OwnNetwork
    device_operations: int
    added: Interval
    stability: Stability
    whole_operations: int
    tried_operations: int

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON; shares, 0 to 1."""
        return {
            "error": list(self.error),
            "read_out_error": list(self.read_out.error),
            "own_network_error": list(self.own.error),
            "own_network": self.own.description,
            "own_network_operations": self.own.operations,
            "device_operations": self.device_operations,
            "whole_operations": self.whole_operations,
            "tried_operations": self.tried_operations,
            "added_by_cloud": list(self.added),
            "accuracies": list(self.stability.accuracies),
            "changing": self.stability.changing,
        }

    def rows(self) -> list[tuple[str, Interval]]:
        """Name what was compared, and its error, 0 to 1."""
        return [
            ("the network, through secret and decoys", self.error),
            ("without a cloud: a linear read-out of the feature", self.read_out.error),
            (
                f"without a cloud: {self.own.description}, {self.own.operations / 1e6:.2f} of the device's "
                f"{self.device_operations / 1e6:.2f} million operations",
                self.own.error,
            ),
        ]

    def sentences(self) -> tuple[str, ...]:
        """Say what the cloud adds, what was not tried, and how far the answers hang on the secret."""
        accuracies = self.stability.accuracies
        low, high = (100 * each(accuracies) for each in (min, max))
        secrets = f"{len(accuracies)} secret{'s' * (len(accuracies) > 1)}"
        return (
            f"What the cloud adds: {in_points(self.added)} over the better of the two.",
            *self._untried(),
            f"Over {secrets}: accuracy {100 * sum(accuracies) / len(accuracies):.1f}% "
            f"({low:.1f} to {high:.1f}); {100 * self.stability.changing:.1f}% of the images get more than "
            "one label.",
        )

    def _untried(self) -> list[str]:
        said = []
        if self.device_operations >= self.whole_operations:
            share = self.device_operations / self.whole_operations
            said.append(
                f"The device does {share:.0%} of what the whole network does without hiding: it can run that "
                "by itself."
            )
        if self.tried_operations < self.device_operations:
            said.append(
                f"Own networks of more than {self.tried_operations / 1e6:.1f} million operations were not "
                "trained, so the cloud adds this much at most."
            )
        return said

    def page(self) -> str:
        """Write a table in Markdown."""
        added, *others = self.sentences()
        lines = [f"| {name} | {in_percent(error)} |" for name, error in self.rows()]
        return "\n".join(["| | error |", "|---|---:|", *lines, "", f"**{added}**", *others])


def in_percent(share: Interval) -> str:
    """Write a share as a percentage with its interval."""
    mean, low, high = (100 * value for value in share)
    return f"{mean:.1f}% ({low:.1f}–{high:.1f})"


def in_points(difference: Interval) -> str:
    """Write a difference of shares in points, with sign and interval."""
    mean, low, high = (100 * value for value in difference)
    return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f})"


def compare(
    network: SplitNetwork, dataset: ImageDataset, *, epochs: int, mirror: bool = True, draws: int = DRAWS,
    kept: Kept | None = None, progress: bool = False,
) -> Comparison:  # fmt: skip
    """Fit both controls to the training images, and score all on the test images.

    Args:
        network: trained, of a task of classes; left in evaluation mode.
        dataset: what it was trained on.
        epochs: of each of the device's own networks.
        mirror: fit controls to mirror images too.
        draws: secrets for stability.
        kept: keeps what is finished, and gives what an earlier call finished; None keeps nothing.
        progress: show bars, and say what is under way.

    Returns:
        Comparison; the same however often it was cut off.

    Raises:
        TrainingError: the device does too little for any network of its own.
    """
    work, labels = count_work(network.eval()), dataset.test.labels
    most = min(work.device, largest_trained(len(dataset.train), epochs))
    given = _part(kept, "answers", lambda: answers(network, dataset.test.images, draws, progress=progress))
    if progress:
        tqdm.write(f"fitting the linear read-out: {_size(network, dataset)}", file=sys.stderr)
    read_out = ReadOut(
        _part(
            kept,
            "read-out",
            lambda: linear_read_out(network, dataset.train, dataset.test, augment=mirror).correct,
        )
    )
    own = own_network(
        most, dataset.train, dataset.test, len(dataset.classes),
        epochs=epochs, mirror=mirror, kept=kept, progress=progress,
    )  # fmt: skip
    right = given[0] == labels
    control = max((read_out.correct, own.correct), key=lambda correct: float(correct.mean()))
    return Comparison(
        mean_of(1.0 - right), read_out, own, work.device, mean_of(right, control),
        stability_of(given, labels), work.whole, most,
    )  # fmt: skip


def _part(kept: Kept | None, name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """An array that was kept, or is made and kept now."""
    found = kept.load(name) if kept else None
    if found is not None:
        return np.asarray(found["array"])
    array = make()
    if kept:
        kept.save(name, {"array": torch.from_numpy(array)})
    return array


def _size(network: SplitNetwork, dataset: ImageDataset) -> str:
    return f"{math.prod(network.feature_shape):,} values of {len(dataset.train):,} images"
