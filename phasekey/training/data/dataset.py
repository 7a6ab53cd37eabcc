"""The one form in which every data set comes: uint8 images with labels, in a training and a test split."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.lazy import Images
from phasekey.training.errors import TrainingError

Augment = Literal["crop-flip", "resized-crop-flip", "flip", "shift", "none"]
Task = Literal["classes", "attributes"]


@dataclass(frozen=True)
class Split:
    """Images with what is to be learnt of them, and what is not.

    images: uint8 (N, H, W, C), C = 1 grey or 3 RGB: an array, or decoded when asked for, by `images[rows]`.
    labels: int64 (N,), indices into the class names; or (N, A), 1 where an image has an attribute, else 0.
    hidden: a property that the task doesn't need, for the audit to look for; as labels, or None.
    """

    images: Images
    labels: NDArray[np.int64]
    hidden: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def at_most(self, count: int) -> "Split":
        """Keep so many images where there are more, evenly spaced: sets come sorted by class."""
        if len(self) <= count:
            return self
        rows = np.linspace(0, len(self) - 1, count).astype(np.intp)
        images = self.images[rows] if isinstance(self.images, np.ndarray) else self.images.of(rows)
        return Split(images, self.labels[rows], None if self.hidden is None else self.hidden[rows])


@dataclass(frozen=True)
class ImageDataset:
    """A named task: class names, a training and a test split, and the augmentation that suits the images.

    classes: of the labels; where those are (N, A), the names of the attributes.
    hidden_classes: the same for the splits' hidden property.
    Raises TrainingError where the splits cannot be trained and tested on.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    augment: Augment = "none"
    hidden_classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise TrainingError(
                f"data {self.name!r}: expected two classes or more, found {len(self.classes)} "
                f"({', '.join(self.classes) or 'none'}); a classifier needs something to tell apart"
            )
        for name, split in (("train", self.train), ("test", self.test)):
            # Two at least: the decoy of a sample is the feature of another.
            if len(split) < 2:
                raise TrainingError(
                    f"data {self.name!r}: expected two images or more in {name}/, found {len(split)}"
                )
            _require_labels(self.name, name, split, self.classes)
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise TrainingError(
                f"data {self.name!r}: training images are {describe_shape(self.train)} but test images are "
                f"{describe_shape(self.test)}; give both one size with --image-size"
            )

    def at_most(self, count: int | None) -> "ImageDataset":
        """Keep at most so many images of each split, evenly spaced; all where None."""
        if count is None:
            return self
        return replace(self, train=self.train.at_most(count), test=self.test.at_most(count))

    def augmentation(self, asked: str | None) -> Augment:
        """Make out which augmentation the words of a training mean.

        Args:
            asked: what `phasekey train --augment` was given, or a checkpoint keeps; auto, and None where
                nobody wrote it down, are what suits the images.

        Returns:
            The augmentation itself, never auto.

        Raises:
            TrainingError: another word.
        """
        if asked in (None, "auto"):
            return self.augment
        known: tuple[Augment, ...] = get_args(Augment)
        for kind in known:
            if kind == asked:
                return kind
        raise TrainingError(f"augmentation is one of auto, {', '.join(known)}; got {asked!r}")

    @property
    def task(self) -> Task:
        """classes: one of them for each image. attributes: any number of them."""
        return "classes" if self.train.labels.ndim == 1 else "attributes"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image, as networks are built for it."""
        height, width, channels = self.train.images.shape[1:]
        return channels, height, width


def describe_shape(split: Split) -> str:
    """The size of a split's images in words, width × height as people say it."""
    height, width, channels = split.images.shape[1:]
    return f"{width}×{height} {'grey' if channels == 1 else 'RGB'}"


def _require_labels(data: str, name: str, split: Split, classes: tuple[str, ...]) -> None:
    for values in (split.images, split.hidden):
        if values is not None and len(values) != len(split.labels):
            raise TrainingError(
                f"data {data!r} has in {name}/ {len(split.labels)} labels, but images or hidden labels of "
                f"another number: {len(values)}"
            )
    if split.labels.ndim > 1 and split.labels.shape[1] != len(classes):
        raise TrainingError(
            f"data {data!r} has {len(classes)} names for {split.labels.shape[1]} attributes in {name}/"
        )
