"""SHA-256, as hexadecimal digits."""

import hashlib
from pathlib import Path


def sha256_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of these bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
