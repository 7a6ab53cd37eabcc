"""The files of a folder or of a tar archive, one after another, with a progress bar."""

import tarfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from phasekey.training.errors import TrainingError

File = tuple[PurePosixPath, bytes]  # path inside the folder or archive, content
Patterns = tuple[str, ...]


def files_of(path: Path, patterns: Patterns, *, progress: bool = False) -> Iterator[File]:
    """Files in a folder that match one of the glob patterns, or all files of a tar archive.

    An archive is read as a stream and never extracted: names in it cannot reach the disk.
    Raises TrainingError where path is neither, or the archive is damaged or cut short.
    """
    if path.is_dir():
        return _folder_files(path, patterns, progress)
    return _tar_files(path, progress)


def folder_paths(root: Path, patterns: Patterns) -> list[Path]:
    """The files under root that match one of the glob patterns, in order."""
    return sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})


def _folder_files(root: Path, patterns: Patterns, progress: bool) -> Iterator[File]:
    paths = folder_paths(root, patterns)
    for path in tqdm(paths, f"reading {root.name}", unit="file", disable=None if progress else True):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TrainingError(f"cannot open {str(path)!r}: {error.strerror}") from error
        yield PurePosixPath(path.relative_to(root)), content


def _tar_files(path: Path, progress: bool) -> Iterator[File]:
    disable = None if progress else True
    try:
        with (
            path.open("rb") as raw,
            tqdm.wrapattr(
                raw, "read", path.stat().st_size, desc=f"reading {path.name}", disable=disable
            ) as counted,
            tarfile.open(fileobj=counted, mode="r|*", tarinfo=_StrictHeader) as archive,
        ):
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield PurePosixPath(member.name), content.read()
    except (tarfile.TarError, zlib.error, LZMAError, EOFError) as error:
        raise TrainingError(
            f"cannot read {str(path)!r} as a tar archive: damaged, cut short or no archive; "
            "expected .tar, .tar.gz, .tar.bz2 or .tar.xz; copy or download it again"
        ) from error
    except OSError as error:
        raise TrainingError(f"cannot open {str(path)!r}: {error.strerror or 'damaged'}") from error


class _StrictHeader(tarfile.TarInfo):
    """tarfile takes a damaged or missing header for the end of the archive, and would return the images
    before it as if they were all. Only the block of zeros that ends an archive ends it here."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_StrictHeader":
        if len(buf) == tarfile.BLOCKSIZE and not any(buf):
            return super().frombuf(buf, encoding, errors)  # raises what tarfile itself knows as the end
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error
