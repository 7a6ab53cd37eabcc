"""The audit's door to phasekey.files, until it goes there itself."""

from pathlib import Path

from phasekey import files
from phasekey.training.errors import TrainingError


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Replace a file in one step, see phasekey.files. Raises TrainingError where the disk refuses it."""
    files.write_whole(path, content, error=TrainingError)
