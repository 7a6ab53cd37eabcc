"""TensorBoard's event files, for those who asked for them."""

from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from phasekey.training.errors import TrainingError
from phasekey.training.loop.metrics import EpochMetrics


class Board:
    """Writes the figures of each epoch under FOLDER/tensorboard; folder None writes nothing.

    Raises TrainingError where tensorboard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._writer: Any = None
        if folder is None:
            return
        if find_spec("tensorboard") is None:
            raise TrainingError(
                "--tensorboard needs a package that is not installed: pip install 'phasekey[tensorboard]'"
            )
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, metrics: EpochMetrics) -> None:
        """The figures of one epoch, by its number."""
        if self._writer is None:
            return
        figures = {
            "loss": metrics.loss,
            "accuracy/train": metrics.train_accuracy,
            "accuracy/test_rotated": metrics.test_accuracy,
            "accuracy/test_plain": metrics.test_accuracy_plain,
            "seconds": metrics.seconds,
            **{f"defence/{name}": value for name, value in metrics.defence.items()},
        }
        for name, value in figures.items():
            self._writer.add_scalar(name, value, metrics.epoch)
        self._writer.flush()

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
