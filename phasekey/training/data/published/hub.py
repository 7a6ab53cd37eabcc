"""Data sets of the Hugging Face hub, or saved on disk by its library `datasets`, which does the reading."""

import io
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.images import encoded_images
from phasekey.training.data.lazy import settle
from phasekey.training.data.shapes import common_shape
from phasekey.training.data.store import FolderStore
from phasekey.training.errors import TrainingError

LEAST_VERSION = 4  # the first major version that runs no code of a data set's author
TESTS = ("test", "validation", "valid", "val")  # the first of them with labels is tested on
INSTALL = "install it with `pip install 'phasekey[hub]'`"


def load_hub(name: str, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """A data set by its name on the hub, OWNER/NAME, or from a folder that `save_to_disk` wrote.

    It needs one column of images, and one of classes: the only one, one called label, or COLUMN of
    NAME#COLUMN. Downloads go where the library caches them; with HF_HUB_OFFLINE=1 it asks no server.
    Raises TrainingError where the library is missing, the data set is not to be had or does not fit.
    """
    source, _, column = name.partition("#")
    library = _library()
    parts = _parts(source, library)
    test = next((word for word in TESTS if word in parts), None)
    if "train" not in parts or test is None:
        raise TrainingError(
            f"{source!r} has the splits {', '.join(parts)}: expected train and one of {', '.join(TESTS)}"
        )
    features = parts["train"].features
    image = _column(source, features, "Image", "", ("image", "img"))
    label = _column(source, features, "ClassLabel", column, ("label", "labels"))
    classes = tuple(features[label].names)
    rows = {word: _Rows(library, parts[word], word, image) for word in ("train", test)}
    shapes = [
        common_shape(store, store.names, source, image_size, progress=progress) for store in rows.values()
    ]
    channels = max(shape[-1] for shape in shapes)

    def split(word: str, shape: tuple[int, int, int]) -> Split:
        images = encoded_images(rows[word], rows[word].names, (*shape[:2], channels), size=image_size)
        labels = _labels(source, word, parts[word][label], len(classes))
        return Split(settle(images, f"decoding {word}", progress=progress), labels)

    title = source.rstrip("/") + (f"-{column}" if column else "")
    train, held_out = (split(word, shape) for word, shape in zip(rows, shapes, strict=True))
    return ImageDataset(title, classes, train, held_out, "crop-flip" if channels == 3 else "shift")


class _Rows(FolderStore):
    """The image files in one column of a split, by names like `train[17]`."""

    def __init__(self, library: Any, part: Any, word: str, column: str) -> None:
        files = part.select_columns([column]).cast_column(column, library.Image(decode=False))
        self._files, self._column = files, column
        self._index = {f"{word}[{row}]": row for row in range(len(files))}
        super().__init__(Path(), list(self._index))

    def open(self, name: str) -> IO[bytes]:
        """The file, from its beginning."""
        file = self._files[self._index[name]][self._column]
        if not file or (file["bytes"] is None and file["path"] is None):
            raise TrainingError(f"{name} holds no image; remove the row")
        return io.BytesIO(file["bytes"]) if file["bytes"] is not None else super().open(file["path"])


def _library() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise TrainingError(f"data sets of a hub are read by the library datasets: {INSTALL}") from error
    if int(datasets.__version__.split(".")[0]) < LEAST_VERSION:
        raise TrainingError(
            f"the library datasets is of version {datasets.__version__}, which can run code of a data set's "
            f"author; expected {LEAST_VERSION} or later: {INSTALL} --upgrade"
        )
    return datasets


def _parts(source: str, library: Any) -> Any:
    try:
        if (Path(source) / "dataset_dict.json").is_file():
            return library.load_from_disk(source)
        return library.load_dataset(source)
    # The library and its file systems raise many kinds; what they say is all there is to tell.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(
            f"cannot load {source!r} from the hub or the disk: {reason}; expected OWNER/NAME, or a folder "
            "that `save_to_disk` of a DatasetDict wrote"
        ) from error


def _column(source: str, features: Any, kind: str, asked: str, usual: Sequence[str]) -> str:
    """The column of that kind: the one asked for, one with a usual name, or the only one."""
    found: list[str] = [name for name, feature in features.items() if type(feature).__name__ == kind]
    for name in [asked] if asked else [*usual, *found[: len(found) == 1]]:
        if name in found:
            return name
    raise TrainingError(
        f"the columns of type {kind} in {source!r} are {', '.join(found) or 'none'}; expected "
        f"{asked or f'one, or one called {usual[0]}'}; choose the classes with --data 'hub:{source}#COLUMN'"
    )


def _labels(source: str, word: str, values: Any, classes: int) -> NDArray[np.int64]:
    labels = [-1 if value is None else value for value in values]
    array = np.array(labels, np.int64)
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise TrainingError(f"{word} of {source!r} has rows without a label: this split cannot be used")
    return array
