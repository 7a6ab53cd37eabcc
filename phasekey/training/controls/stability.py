"""How far a network's answers hang on secret and decoys."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasekey.model import SplitNetwork
from phasekey.training.controls.answers import answers
from phasekey.training.data.dataset import Split

MOST_IMAGES = 2000  # that a training's end spends on it: a share of them is known to within two points


@dataclass(frozen=True)
class Stability:
    """How far answers hang on secret and decoys.

    Args:
        accuracies: of each draw over all images.
        changing: share of the images that got more than one label.
        images: how many.
    """

    accuracies: tuple[float, ...]
    changing: float
    images: int

    def facts(self) -> dict[str, Any]:
        """As plain values, for checkpoints and JSON; shares, 0 to 1."""
        return {
            "secrets": len(self.accuracies),
            "images": self.images,
            "mean": sum(self.accuracies) / len(self.accuracies),
            "lowest": min(self.accuracies),
            "highest": max(self.accuracies),
            "changing": self.changing,
        }


def stability(
    network: SplitNetwork, test: Split, draws: int = 10, *, most_images: int | None = None
) -> Stability:
    """Answer test images under several secrets and decoys, drawn as in `evaluate`.

    Args:
        network: trained, of a task of classes; left in evaluation mode.
        test: images and labels.
        draws: secrets for each image.
        most_images: of a larger test set so many, evenly spaced; all where None.

    Returns:
        Stability; the same for the same network.

    Raises:
        ModelError: there are too few images for the decoys' law.
    """
    chosen = test if most_images is None else test.at_most(most_images)
    return stability_of(answers(network, chosen.images, draws), chosen.labels)


def stability_of(given: NDArray[np.intp], labels: NDArray[np.int64]) -> Stability:
    """Say how far answers that are there lie apart.

    Args:
        given: classes, (draws, N).
        labels: the right ones, (N,).

    Returns:
        Stability over the draws.
    """
    accuracies = tuple(float(share) for share in (given == labels).mean(1))
    return Stability(accuracies, float((given != given[0]).any(0).mean()), len(labels))
