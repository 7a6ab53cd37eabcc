"""The comparison of a checkpoint as it was trained, and its file."""

import json
from hashlib import sha256
from pathlib import Path

from phasekey.errors import PhasekeyError
from phasekey.files import write_whole
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls.comparison import DRAWS, Comparison, compare
from phasekey.training.controls.kept import Kept
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.errors import TrainingError


def compare_checkpoint(
    checkpoint: Checkpoint, dataset: ImageDataset, *, epochs: int, draws: int = DRAWS,
    work: Path | None = None, progress: bool = False,
) -> Comparison:  # fmt: skip
    """Hold a trained network against its device alone.

    Controls see mirror images where the network's training did, and no more images than it did, so that
    neither has what the other lacks.

    Args:
        checkpoint: of a task of classes.
        dataset: what it was trained on.
        epochs: of each of the device's own networks.
        draws: secrets for stability.
        work: a folder that keeps what is finished until all is; the same call goes on from there. None keeps
            nothing.
        progress: show bars.

    Returns:
        Comparison.

    Raises:
        TrainingError: images have several labels, or the device does too little for any network.
    """
    if dataset.task != "classes":
        raise TrainingError("controls are of tasks with one label for each image; this one has attributes")
    config = checkpoint.config
    dataset, mirror = (
        dataset.at_most(config.get("images")),
        "flip" in dataset.augmentation(config.get("augment")),
    )
    identity = {
        "weights": _hash(checkpoint.network), "data": dataset.name, "images": len(dataset.train),
        "tested": len(dataset.test), "epochs": epochs, "mirror": mirror, "draws": draws,
    }  # fmt: skip
    kept = None if work is None else Kept(work, identity)
    found = compare(
        checkpoint.network, dataset, epochs=epochs, mirror=mirror, draws=draws, kept=kept, progress=progress
    )
    if kept:
        kept.discard()
    return found


def _hash(network: SplitNetwork) -> str:
    digest = sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()


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
