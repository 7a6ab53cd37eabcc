"""What a client gives back. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says: one label for each image, and probabilities (N, classes) float32.

    Where the network tells attributes, of which an image may have any number, a label lists all that are
    likelier than not, with commas, and each probability stands for itself.
    """

    labels: list[str]
    probabilities: Floats

    __hash__ = None  # type: ignore[assignment]  # as of any value that holds an array

    def __eq__(self, other: object) -> bool:
        """Whether labels and probabilities are the same."""
        if not isinstance(other, Prediction):
            return NotImplemented
        return self.labels == other.labels and np.array_equal(self.probabilities, other.probabilities)


@dataclass(frozen=True)
class Traffic:
    """What went over the wire for predictions so far: images, and bytes of messages up and down."""

    images: int
    bytes_up: int
    bytes_down: int
