"""Where the device's own files lie."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PHASEKEY_DATA_DIR"


def data_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder given, else the environment's PHASEKEY_DATA_DIR, else the platform's for this user."""
    named = given if given is not None else os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    import platformdirs  # here: whoever names a folder does without

    return platformdirs.user_data_path("phasekey", appauthor=False)
