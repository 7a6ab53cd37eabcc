"""The comparison of a checkpoint as it was trained, and its file."""

import json
from pathlib import Path

from phasekey.errors import PhasekeyError
from phasekey.files import write_whole
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls.comparison import Comparison, compare
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.errors import TrainingError


def compare_checkpoint(checkpoint: Checkpoint, dataset: ImageDataset, *, epochs: int) -> Comparison:
    """Hold a trained network against its device alone.

    Controls see mirror images where the network's training did, so that neither has what the other lacks.

    Args:
        checkpoint: of a task of classes.
        dataset: what it was trained on.
        epochs: of each of the device's own networks.

    Returns:
        Comparison.

    Raises:
        TrainingError: images have several labels, or the device does too little for any network.
    """
    if dataset.task != "classes":
        raise TrainingError("controls are of tasks with one label for each image; this one has attributes")
    mirror = "flip" in dataset.augmentation(checkpoint.config.get("augment"))
    return compare(checkpoint.network, dataset, epochs=epochs, mirror=mirror)


def write_facts(path: Path, found: Comparison, *, error: type[PhasekeyError] = TrainingError) -> None:
    """Write the figures as JSON, whole or not at all.

    Args:
        path: the file.
        found: what was compared.
        error: the class of the caller's package, to raise where the disk refuses.

    Raises:
        PhasekeyError: of the class given.
    """
    write_whole(path, (json.dumps(found.facts(), indent=2) + "\n").encode(), error=error)
