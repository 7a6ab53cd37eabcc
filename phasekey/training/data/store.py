"""Files by name, from wherever they lie: a folder, a tar archive or a zip archive."""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from phasekey.training.data.files import Patterns, files_of, folder_paths
from phasekey.training.errors import TrainingError


class Store(Protocol):
    """Files that can be opened in any order, from several threads."""

    @property
    def names(self) -> Sequence[str]:
        """Paths inside the folder or archive, with forward slashes."""

    def open(self, name: str) -> IO[bytes]:
        """The file, from its beginning. Raises TrainingError, naming it, where that fails."""


def read(store: Store, name: str) -> bytes:
    """A file's whole content. Raises TrainingError, naming it, where that fails."""
    try:
        with store.open(name) as file:
            return file.read()
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise _cannot_open(name, error) from error


def open_store(
    path: Path, patterns: Patterns, wanted: Callable[[PurePosixPath], bool], *, progress: bool = False
) -> Store:
    """The files wanted of a folder (those that match a pattern) or of an archive.

    A folder and a zip archive are read when a file is asked for. A tar archive can only be read from
    end to end, so what is wanted of it is kept in memory, as encoded as it was.
    Raises TrainingError where path is neither, or the archive is damaged or cut short.
    """
    if path.is_dir():
        paths = (found.relative_to(path) for found in folder_paths(path, patterns))
        return FolderStore(
            path, [PurePosixPath(name).as_posix() for name in paths if wanted(PurePosixPath(name))]
        )
    if zipfile.is_zipfile(path):
        return ZipStore(path, wanted)
    files = files_of(path, patterns, progress=progress)
    return MemoryStore({str(name): content for name, content in files if wanted(name)})


class FolderStore:
    """Files under a folder, read where they lie."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root, self.names = root, names

    def open(self, name: str) -> IO[bytes]:
        """The file, from its beginning."""
        try:
            return (self.root / name).open("rb")
        except OSError as error:
            raise _cannot_open(str(self.root / name), error) from error


class MemoryStore:
    """Files in memory, by name."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self._contents, self.names = contents, list(contents)

    def open(self, name: str) -> IO[bytes]:
        """The file, from its beginning."""
        return io.BytesIO(self._contents[name])


class ZipStore:
    """Files of a zip archive, which is never extracted: names in it cannot reach the disk."""

    def __init__(self, path: Path, wanted: Callable[[PurePosixPath], bool]) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise TrainingError(
                f"cannot read {str(path)!r} as a zip archive: damaged or cut short; copy or download it again"
            ) from error
        members = (member for member in self._archive.infolist() if not member.is_dir())
        self.names = [member.filename for member in members if wanted(PurePosixPath(member.filename))]

    def open(self, name: str) -> IO[bytes]:
        """The file, from its beginning."""
        try:
            return self._archive.open(name)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise _cannot_open(name, error) from error


def _cannot_open(name: str, error: Exception) -> TrainingError:
    reason = getattr(error, "strerror", None) or "damaged or cut short; copy or download it again"
    return TrainingError(f"cannot open {name!r}: {reason}")
