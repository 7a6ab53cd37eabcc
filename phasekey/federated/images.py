"""The images of one device: a folder of classes, in the sizes and labels of the network that came."""

from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from phasekey.federated.errors import FederatedError
from phasekey.federated.splits import LEAST
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.data.dataset import Split
from phasekey.training.data.images import SUFFIXES, encoded_images
from phasekey.training.data.lazy import settle
from phasekey.training.data.store import open_store

PATTERNS = ("train/*/*", "*/*")


def read_images(folder: Path, checkpoint: Checkpoint) -> Split:
    """Read what a device has.

    Args:
        folder: CLASS/IMAGE or train/CLASS/IMAGE; some of the network's classes may be missing. Images are
            resized to the network's size.
        checkpoint: of the network, for its labels and the size of its images.

    Returns:
        Images and labels.

    Raises:
        FederatedError: a class that the network does not have, or too few images.
        TrainingError: a folder or an image that cannot be read.
    """
    store = open_store(folder, PATTERNS, lambda name: _label(name) is not None, progress=False)
    names = [name for name in sorted(store.names) if _label(PurePosixPath(name)) is not None]
    labels = [str(_label(PurePosixPath(name))) for name in names]
    unknown = Counter(label for label in labels if label not in checkpoint.labels)
    if unknown:
        raise FederatedError(
            f"{str(folder)!r} has classes that the network does not know ({', '.join(sorted(unknown)[:5])}); "
            f"it knows {', '.join(checkpoint.labels[:20])}"
        )
    if len(names) < LEAST:
        raise FederatedError(
            f"{str(folder)!r} has {len(names)} images, and a device takes {LEAST}: expected CLASS/IMAGE or "
            "train/CLASS/IMAGE in it"
        )
    channels, height, width = checkpoint.architecture["image"]
    encoded = encoded_images(store, names, (height, width, channels), size=height)
    try:
        images = settle(encoded, "reading images")
    except ValueError as error:  # numpy's, of three channels that would go into one
        raise FederatedError(
            f"{str(folder)!r} has colour images, and the network takes grey ones: convert them first"
        ) from error
    index = {label: number for number, label in enumerate(checkpoint.labels)}
    return Split(images, np.array([index[label] for label in labels], np.int64))


def _label(name: PurePosixPath) -> str | None:
    """The class of a path in the folder; None of anything else."""
    parts = name.parts[1:] if name.parts[:1] == ("train",) else name.parts
    hidden = any(part.startswith(".") for part in parts)
    return None if hidden or len(parts) != 2 or name.suffix.lower() not in SUFFIXES else parts[0]
