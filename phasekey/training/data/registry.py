"""From the word after `--data` to a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.folder import load_folder
from phasekey.training.data.published import celeba, cifar, cub200
from phasekey.training.data.published.digits import load_digits
from phasekey.training.data.published.hub import load_hub
from phasekey.training.data.recognise import recognise
from phasekey.training.errors import TrainingError


class Reader(Protocol):
    """Reads what lies at a path; image_size in pixels per side, or None for the data set's own."""

    def __call__(self, path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
        """Raises TrainingError, naming the file, where one is missing, damaged or cut short."""


@dataclass(frozen=True)
class Published:
    """A published data set: its reader, and where to get it."""

    read: Reader
    where: str


# Data sets that go by a name alone. Each takes the image size in pixels per side, or None for its own.
NAMED: dict[str, Callable[[int | None], ImageDataset]] = {"digits": load_digits}
# Published ones go by WORD:PATH.
PUBLISHED = {
    "cifar10": Published(cifar.load_cifar10, cifar.WHERE_10),
    "cifar100": Published(cifar.load_cifar100, cifar.WHERE_100),
    "cifar100-coarse": Published(cifar.load_cifar100_coarse, cifar.WHERE_100),
    "celeba": Published(celeba.load_celeba, celeba.WHERE),
    "cub200": Published(cub200.load_cub200, cub200.WHERE),
    "cub200-boxes": Published(partial(cub200.load_cub200, boxes=True), cub200.WHERE),
}
HUB = "hub"
WORDS = f"{', '.join(NAMED)}, {', '.join(f'{word}:PATH' for word in PUBLISHED)}, {HUB}:OWNER/NAME"


def load_dataset(data: str, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """A data set by name, by WORD:PATH, from a hub, or from whatever lies at a path.

    Raises TrainingError where there is none of that, and what the reader raises.
    """
    word, _, rest = data.partition(":")
    if data in NAMED:
        return NAMED[data](image_size)
    if word == HUB and rest:
        return load_hub(rest, image_size, progress=progress)
    if word in PUBLISHED:
        return _load_published(word, rest, image_size, progress)
    return _load_path(data, image_size, progress)


def _load_published(word: str, place: str, image_size: int | None, progress: bool) -> ImageDataset:
    published, path = PUBLISHED[word], Path(place)
    if not place or not path.exists():
        found = f"nothing at {place!r}" if place else "no path given"
        raise TrainingError(f"{found}: expected --data {word}:PATH; {published.where}")
    return published.read(path, image_size, progress=progress)


def _load_path(data: str, image_size: int | None, progress: bool) -> ImageDataset:
    path = Path(data)
    if not path.exists():
        raise TrainingError(
            f"no data called {data!r}: expected {WORDS}, or the path of an image folder or tar archive that "
            "exists"
        )
    word = recognise(path)
    if word is not None:
        return PUBLISHED[word].read(path, image_size, progress=progress)
    return load_folder(path, image_size, progress=progress)
