"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as published, in the python and in the binary version.

60,000 RGB images of 32×32. CIFAR-100 has 100 fine classes in 20 coarse ones; as in section 5 of Xiang
et al., the coarse ones can be the task and the fine ones the property to hide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.files import files_of
from phasekey.training.data.images import resized
from phasekey.training.data.published.pickles import load_plain_pickle
from phasekey.training.errors import TrainingError

SIDE, PIXELS = 32, 3 * 32 * 32
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
WHERE_10, WHERE_100 = (
    f"download {name}-python.tar.gz or {name}-binary.tar.gz from {HOME} and give its path, or that of the "
    "folder unpacked from it"
    for name in ("cifar-10", "cifar-100")
)

Labels = Mapping[str, NDArray[np.int64]]  # by the kind of label
Part = tuple[NDArray[np.uint8], Labels]  # rows of PIXELS values, planes R, G, B


@dataclass(frozen=True)
class _Layout:
    """A published archive: its files, and how its label kinds and class names are found."""

    train: tuple[str, ...]
    test: str
    names: Mapping[str, tuple[str, str]]  # kind of label -> file of its names, key in that file
    labels: Mapping[str, str | int]  # kind of label -> key of the batch, or byte of the record

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, self.test, *{file for file, _ in self.names.values()})


_TEN = tuple(f"data_batch_{number}" for number in range(1, 6))
_CIFAR10 = (
    _Layout(_TEN, "test_batch",
            {"only": ("batches.meta", "label_names")}, {"only": "labels"}),
    _Layout(tuple(f"{name}.bin" for name in _TEN), "test_batch.bin",
            {"only": ("batches.meta.txt", "")}, {"only": 0}),
)  # fmt: skip
_CIFAR100 = (
    _Layout(("train",), "test",
            {"coarse": ("meta", "coarse_label_names"), "fine": ("meta", "fine_label_names")},
            {"coarse": "coarse_labels", "fine": "fine_labels"}),
    _Layout(("train.bin",), "test.bin",
            {"coarse": ("coarse_label_names.txt", ""), "fine": ("fine_label_names.txt", "")},
            {"coarse": 0, "fine": 1}),
)  # fmt: skip


def load_cifar10(path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """CIFAR-10 from one of its two archives, packed or unpacked: ten classes.

    Raises TrainingError, naming the file, where one is missing, damaged or cut short.
    """
    return _load(path, "cifar10", _CIFAR10, "only", None, image_size, progress)


def load_cifar100(path: Path, image_size: int | None = None, *, progress: bool = False) -> ImageDataset:
    """CIFAR-100 as load_cifar10 reads CIFAR-10: the 100 fine classes."""
    return _load(path, "cifar100", _CIFAR100, "fine", None, image_size, progress)


def load_cifar100_coarse(
    path: Path, image_size: int | None = None, *, progress: bool = False
) -> ImageDataset:
    """CIFAR-100 with the 20 coarse classes as the task and the 100 fine ones as the hidden property."""
    return _load(path, "cifar100-coarse", _CIFAR100, "coarse", "fine", image_size, progress)


def _load(
    path: Path,
    name: str,
    layouts: tuple[_Layout, ...],
    task: str,
    hidden: str | None,
    image_size: int | None,
    progress: bool,
) -> ImageDataset:
    wanted = {file for layout in layouts for file in layout.files}
    patterns = tuple(f"{prefix}{file}" for prefix in ("", "*/") for file in sorted(wanted))
    files = {
        place.name: content
        for place, content in files_of(path, patterns, progress=progress)
        if place.name in wanted
    }
    layout = _layout(path, layouts, files)
    names = {kind: _names(files[file], file, key) for kind, (file, key) in layout.names.items()}

    def split(*batches: str) -> Split:
        rows, labels = _joined([_part(files[batch], batch, layout, names) for batch in batches], batches)
        images = rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        pixels = resized(np.ascontiguousarray(images), image_size, name, progress=progress)
        return Split(pixels, labels[task], labels[hidden] if hidden else None)

    train, test = split(*layout.train), split(layout.test)
    return ImageDataset(name, names[task], train, test, "crop-flip", names[hidden] if hidden else ())


def _layout(path: Path, layouts: tuple[_Layout, ...], files: Mapping[str, bytes]) -> _Layout:
    """The layout of which most files are there; all of them must be."""
    best = max(layouts, key=lambda layout: sum(file in files for file in layout.files))
    missing = [file for file in best.files if file not in files]
    if missing:
        where = WHERE_10 if layouts is _CIFAR10 else WHERE_100
        raise TrainingError(f"{str(path)!r} lacks {', '.join(missing)}: {where}")
    return best


def _names(content: bytes, file: str, key: str) -> tuple[str, ...]:
    """Class names: under a key of a pickle, or one on each line of a text."""
    if not key:
        return tuple(line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip())
    return tuple(map(str, _under(load_plain_pickle(content, file), key, file)))


def _part(content: bytes, file: str, layout: _Layout, names: Mapping[str, tuple[str, ...]]) -> Part:
    read: Callable[[bytes, str, _Layout], Part] = _binary if file.endswith(".bin") else _pickled
    rows, labels = read(content, file, layout)
    for kind, values in labels.items():
        if len(values) != len(rows) or not np.isin(values, np.arange(len(names[kind]))).all():
            raise TrainingError(
                f"{file!r} is damaged: expected a label from 0 to {len(names[kind]) - 1} for each of its "
                f"{len(rows)} images; download the archive again"
            )
    return rows, labels


def _binary(content: bytes, file: str, layout: _Layout) -> Part:
    """Records of one byte for each kind of label, then the pixels."""
    length = len(layout.labels) + PIXELS
    if not content or len(content) % length:
        raise TrainingError(
            f"{file!r} is cut short: {len(content):,} bytes are no whole number of records of {length:,}; "
            "download the archive again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, length)
    labels = {kind: records[:, int(byte)].astype(np.int64) for kind, byte in layout.labels.items()}
    return records[:, len(layout.labels) :], labels


def _pickled(content: bytes, file: str, layout: _Layout) -> Part:
    batch = load_plain_pickle(content, file)
    rows = _under(batch, "data", file)
    labels = {kind: _under(batch, str(key), file) for kind, key in layout.labels.items()}
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != PIXELS:
        raise TrainingError(f"{file!r} is damaged: expected images of {PIXELS} values; download it again")
    try:
        return rows, {kind: np.array(values, np.int64) for kind, values in labels.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise TrainingError(f"{file!r} is damaged: its labels are no numbers; download it again") from error


def _under(values: Mapping[str, Any], key: str, file: str) -> Any:
    if key not in values:
        raise TrainingError(
            f"{file!r} lacks {key!r}: damaged, or of another data set; see {HOME}; found "
            f"{', '.join(sorted(values)) or 'nothing'}"
        )
    return values[key]


def _joined(parts: list[Part], files: tuple[str, ...]) -> Part:
    """Batches one after another. They are published in one size: a shorter one was cut."""
    counts = [len(rows) for rows, _ in parts]
    if len(set(counts)) > 1:
        short = files[counts.index(min(counts))]
        raise TrainingError(
            f"{short!r} is cut short: {min(counts):,} images, where others have {max(counts):,}; download it "
            "again"
        )
    rows, labels = zip(*parts, strict=True)
    return np.concatenate(rows), {kind: np.concatenate([part[kind] for part in labels]) for kind in labels[0]}
