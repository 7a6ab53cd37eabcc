"""Which published data set lies at a path, if any: told by its files, or by the folder in its archive."""

import tarfile
import zlib
from itertools import islice
from lzma import LZMAError
from pathlib import Path, PurePosixPath

# The folder that a published archive holds.
FOLDERS = {
    "cifar-10-batches-py": "cifar10",
    "cifar-10-batches-bin": "cifar10",
    "cifar-100-python": "cifar100",
    "cifar-100-binary": "cifar100",
    "CUB_200_2011": "cub200",
}
# Files by which an unpacked one is known, under any name of its folder.
FILES = {
    ("batches.meta", "test_batch"): "cifar10",
    ("batches.meta.txt", "test_batch.bin"): "cifar10",
    ("meta", "train", "test"): "cifar100",
    ("fine_label_names.txt", "train.bin"): "cifar100",
    ("images.txt", "train_test_split.txt"): "cub200",
    ("list_attr_celeba.txt",): "celeba",
    ("Anno/list_attr_celeba.txt",): "celeba",
}
LOOKED_AT = 5  # members of an archive: what stands first in the published ones


def recognise(path: Path) -> str | None:
    """The word of the data set at a path, or None: then it is taken for an image folder.

    CIFAR-100 is taken with its fine classes, and birds whole, where only a path says what is wanted.
    """
    if path.is_dir():
        return _of_folder(path)
    return next((FOLDERS[name] for name in _first_folders(path) if name in FOLDERS), None)


def _of_folder(path: Path) -> str | None:
    inside = [path, *(path / name for name in FOLDERS)]
    for folder in inside:
        for names, word in FILES.items():
            if all((folder / name).is_file() for name in names):
                return word
    return None


def _first_folders(path: Path) -> list[str]:
    try:
        with tarfile.open(path, "r|*") as archive:
            return [
                PurePosixPath(member.name).parts[0] for member in islice(archive, LOOKED_AT) if member.name
            ]
    except (tarfile.TarError, zlib.error, LZMAError, EOFError, OSError):
        return []  # the reader says what is wrong with it
