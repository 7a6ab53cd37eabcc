"""What is finished of a comparison, so that one that was cut off goes on where it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasekey.training.errors import TrainingError
from phasekey.training.state import StateFile


@dataclass(frozen=True)
class Kept:
    """Parts of a comparison in a folder, by name. What another comparison left there counts for nothing.

    Args:
        folder: made when something is kept.
        identity: whatever must be the same for the figures to be the same, as plain values.
    """

    folder: Path
    identity: Mapping[str, Any]

    def load(self, name: str) -> dict[str, Any] | None:
        """Read a part; None where it is not there, damaged, or of another comparison."""
        try:
            return self._file(name).load()
        except TrainingError:
            return None

    def save(self, name: str, part: Mapping[str, Any]) -> None:
        """Keep a part, of plain values and tensors.

        Raises:
            TrainingError: where the disk refuses it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"cannot write to {str(self.folder)!r}: {error.strerror}") from error
        self._file(name).save(part)

    def discard(self) -> None:
        """Delete all parts, and the folder where nothing else lies in it: the comparison is done."""
        for path in self.folder.glob("*.pt"):
            path.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _file(self, name: str) -> StateFile:
        return StateFile(self.folder / f"{name}.pt", self.identity)
