"""From the word after `--data` to a data set."""

from collections.abc import Callable
from pathlib import Path

from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.digits import load_digits
from phasekey.training.data.folder import load_folder
from phasekey.training.errors import TrainingError

# Data sets that go by a name. Each takes the image size in pixels per side, or None for its own.
NAMED: dict[str, Callable[[int | None], ImageDataset]] = {"digits": load_digits}


def load_dataset(data: str, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """A data set by name, or from an image folder or tar archive at that path.

    Raises TrainingError where there is neither, and what the reader raises.
    """
    if data in NAMED:
        return NAMED[data](image_size)
    path = Path(data)
    if not path.exists():
        raise TrainingError(
            f"no data called {data!r}: expected {', '.join(NAMED)}, or the path of an image folder or tar "
            "archive that exists"
        )
    return load_folder(path, image_size, progress=progress)
