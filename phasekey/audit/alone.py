"""Beside an audit of a checkpoint: what its device could do without the cloud that it must not trust."""

from pathlib import Path

from phasekey.audit.errors import AuditError
from phasekey.files import write_whole
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.controls.comparison import Comparison
from phasekey.training.controls.of_checkpoint import compare_checkpoint, write_facts
from phasekey.training.data.dataset import ImageDataset

EPOCHS = {"quick": 3, "standard": 8, "full": 30}  # of the device's own networks, by budget
FILE = "controls"


def compare_alone(
    checkpoint: Checkpoint, dataset: ImageDataset, budget: str, folder: Path
) -> Comparison | None:
    """Compare a network with its device alone, and write controls.json and controls.md.

    Args:
        checkpoint: the network and how it was trained.
        dataset: what it is audited on.
        budget: a key of EPOCHS.
        folder: of the audit's report.

    Returns:
        Comparison; None where images have several labels, and nothing is written.

    Raises:
        AuditError: the folder cannot be written to.
        TrainingError: its device does too little for any network.
    """
    if dataset.task != "classes":
        return None
    found = compare_checkpoint(checkpoint, dataset, epochs=EPOCHS[budget], work=folder / FILE, progress=True)
    write_facts(folder / f"{FILE}.json", found, error=AuditError)
    page = f"# What the cloud adds\n\n{found.page()}\n"
    write_whole(folder / f"{FILE}.md", page.encode(), error=AuditError)
    return found
