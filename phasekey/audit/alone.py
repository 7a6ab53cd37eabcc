"""Beside an audit of a checkpoint: what its device could do without the cloud that it must not trust."""

import json
from pathlib import Path

from phasekey.audit.errors import AuditError
from phasekey.files import write_whole
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.controls.comparison import compare
from phasekey.training.data.dataset import ImageDataset

EPOCHS = {"quick": 3, "standard": 8, "full": 30}  # of the device's own networks, by budget
FILE = "controls"


def compare_alone(checkpoint: Path, dataset: ImageDataset, budget: str, folder: Path) -> str:
    """Compare a network with its device alone, and write controls.json and controls.md.

    Args:
        checkpoint: of the network.
        dataset: what it is audited on.
        budget: a key of EPOCHS.
        folder: of the audit's report.

    Returns:
        The page, in Markdown; a sentence where a task has no classes to compare.

    Raises:
        AuditError: the folder cannot be written to.
        TrainingError: the file is no checkpoint, or its device does too little for any network.
    """
    if dataset.test.labels.ndim > 1:
        return "What the cloud adds is not compared where an image has several labels."
    loaded = load_checkpoint(checkpoint)
    mirror = "flip" in str(loaded.config.get("augment"))
    found = compare(loaded.network, dataset, epochs=EPOCHS[budget], mirror=mirror)
    page = found.page()
    write_whole(
        folder / f"{FILE}.json", (json.dumps(found.facts(), indent=2) + "\n").encode(), error=AuditError
    )
    write_whole(folder / f"{FILE}.md", f"# What the cloud adds\n\n{page}\n".encode(), error=AuditError)
    return page
