"""result.json: what one finished run came to, with all that a reader must know about it."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from phasekey.files import write_whole
from phasekey.machine import hardware
from phasekey.model.counting import count_parameters
from phasekey.training.checkpoint import Checkpoint, load_checkpoint
from phasekey.training.errors import TrainingError
from phasekey.training.reproduction.speed import seconds_per_image

RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Result:
    """One cell of the tables. Errors in percent, on the test images of `data`."""

    row: str
    column: str
    error: float  # with the rotation, as a device gets it
    error_plain: float  # angle and decoy zero
    epochs: int
    seconds_per_epoch: float  # median over the epochs, training and test
    parameters: int
    data: str
    training_images: int
    test_images: int
    hardware: str
    finished: str  # date, UTC
    settings: dict[str, Any]
    seconds_per_image: float | None = None  # of inference, whole network, batches of 100
    stability: dict[str, Any] | None = None  # over several secrets; None where there is none, or not measured
    controls: dict[str, Any] | None = None  # without a cloud: shares, 0 to 1; None where not compared

    def write(self, folder: Path) -> None:
        """Beside the model. Raises TrainingError where the disk refuses it."""
        write_whole(
            folder / RESULT_FILE, (json.dumps(asdict(self), indent=1) + "\n").encode(), error=TrainingError
        )


def read_result(folder: Path) -> Result | None:
    """The result in a run's folder, or None where there is none that can be read: it is then made again."""
    try:
        return Result(**json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_results(runs: Path) -> dict[tuple[str, str], Result]:
    """All results under RUNS/ROW/COLUMN, by (row, column)."""
    found = (read_result(path.parent) for path in sorted(runs.glob(f"*/*/{RESULT_FILE}")))
    return {(result.row, result.column): result for result in found if result is not None}


def result_of(row: str, column: str, model: Path, metrics: Path) -> Result:
    """The result of a finished run, from its model.pt and metrics.jsonl."""
    checkpoint: Checkpoint = load_checkpoint(model)
    facts = checkpoint.facts
    seconds = [json.loads(line)["seconds"] for line in metrics.read_text().splitlines()]
    return Result(
        row=row,
        column=column,
        error=100 * (1 - facts["test_accuracy"]),
        error_plain=100 * (1 - facts["test_accuracy_plain"]),
        epochs=facts["epochs"],
        seconds_per_epoch=median(seconds),
        parameters=count_parameters(checkpoint.network),
        data=facts["data"],
        training_images=facts["training_images"],
        test_images=facts["test_images"],
        hardware=hardware(),
        finished=datetime.now(UTC).date().isoformat(),
        settings=dict(checkpoint.config),
        seconds_per_image=seconds_per_image(checkpoint.network),
        stability=facts.get("stability"),
    )
