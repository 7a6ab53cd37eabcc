"""Files that are there whole or not at all, whenever the process is killed."""

import os
from pathlib import Path

from phasekey.training.errors import TrainingError


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Replace a file in one step; until then the one before stays as it was.

    Raises TrainingError where the disk refuses it.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
        partial.replace(path)
    except OSError as error:
        raise TrainingError(
            f"cannot write {str(path)!r}: {error.strerror}; a file there before stays as it was"
        ) from error
