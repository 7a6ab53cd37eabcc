"""Beside an audit of a checkpoint: what its device could do without the cloud that it must not trust."""

from pathlib import Path

from phasekey.audit.errors import AuditError
from phasekey.files import write_whole
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls.of_checkpoint import compare_checkpoint, write_facts
from phasekey.training.data.dataset import ImageDataset

EPOCHS = {"quick": 3, "standard": 8, "full": 30}  # of the device's own networks, by budget
FILE = "controls"


def compare_alone(checkpoint: Checkpoint, dataset: ImageDataset, budget: str, folder: Path) -> str:
    """Compare a network with its device alone, and write controls.json and controls.md.

    Args:
        checkpoint: the network and how it was trained.
        dataset: what it is audited on.
        budget: a key of EPOCHS.
        folder: of the audit's report.

    Returns:
        The page, in Markdown; a sentence where a task has no classes to compare.

    Raises:
        AuditError: the folder cannot be written to.
        TrainingError: its device does too little for any network.
    """
    if dataset.task != "classes":
        return "What the cloud adds is not compared where an image has several labels."
    found = compare_checkpoint(checkpoint, dataset, epochs=EPOCHS[budget])
    page = found.page()
    write_facts(folder / f"{FILE}.json", found, error=AuditError)
    write_whole(folder / f"{FILE}.md", f"# What the cloud adds\n\n{page}\n".encode(), error=AuditError)
    return page
