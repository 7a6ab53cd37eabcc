"""Files that are there whole or not at all, whenever the process is killed."""

import os
from pathlib import Path

from phasekey.errors import PhasekeyError


def write_whole(path: Path, content: bytes | memoryview, *, error: type[PhasekeyError]) -> None:
    """Replace a file in one step; until then the one before stays as it was.

    Args:
        path: the file; its folder must be there.
        content: all of it.
        error: the class of the caller's package, to raise where the disk refuses.

    Raises:
        PhasekeyError: of the class given: no such folder, no right to write, a full disk.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
        partial.replace(path)
    except OSError as refused:
        raise error(
            f"cannot write {str(path)!r}: {refused.strerror}; a file there before stays as it was"
        ) from refused
