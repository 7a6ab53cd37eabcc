"""Text files that list a data set's contents."""

from pathlib import Path

from phasekey.training.errors import TrainingError


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, without blank ones at its end. Raises TrainingError, naming it."""
    try:
        return lines_of(path.read_bytes(), path.name)
    except OSError as error:
        raise TrainingError(f"cannot open {str(path)!r}: {error.strerror}") from error


def lines_of(content: bytes, name: str) -> list[str]:
    """The same, of a file's content."""
    try:
        return content.decode("utf-8").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise TrainingError(f"{name!r} is damaged: it is no text; download it again") from error
