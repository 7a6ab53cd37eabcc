"""`phasekey decoys pack`: an archive of decoys; `phasekey decoys info`: what is left in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from phasekey.bundle import ImageSpec
from phasekey.decoys import reading
from sdk.store import Store, StoreError

DESCRIPTION = """\
Decoys for networks of `phasekey train --mode anonymous`: each image that a device sends goes out among others
from this archive, in secret order, so that the cloud sees k and cannot tell which one is meant.

What makes a good archive:
  private     images that nobody else has: an attacker strikes out those that he knows
  alike       of the same kind as the inputs: he strikes out those that you would not send
  large       k - 1 of them hide one new input and are then used up; a repeated input is free
  apart       not the images that the network was trained on
"""
EPILOG = """\
examples:
  phasekey decoys pack --images ~/Pictures/not-shared --bundle build/photos/edge --resize --out decoys.db
  phasekey decoys pack --images bursts/ --bursts --bundle build/photos/edge --out decoys.db
  phasekey decoys pack --images digits --out decoys.db
  phasekey decoys info decoys.db
"""
USUAL = 4  # components that phasekey train --mode anonymous chooses
CHUNK = 256  # images in one transaction
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="what", required=True, metavar="pack|info")
    pack = commands.add_parser("pack", help="add images to an archive, which is made if it is not there")
    pack.add_argument(
        "--images",
        required=True,
        metavar="FOLDER|DATA",
        help="image files in a folder and all below it, or data in the words of phasekey train --data",
    )
    pack.add_argument("--out", type=Path, required=True, metavar="FILE", help="the archive")
    pack.add_argument(
        "--bundle", type=Path, metavar="DIR", help="the bundle it is for: what size and colours images take"
    )
    pack.add_argument("--resize", action="store_true", help="scale images instead of refusing them")
    pack.add_argument(
        "--bursts",
        action="store_true",
        help="each folder holds the frames of one scene, in the order of their names: for films",
    )
    pack.add_argument(
        "--split",
        choices=("test", "train"),
        default="test",
        help="of DATA, which images (default: test; those of train have shaped the network)",
    )
    info = commands.add_parser("info", help="how many decoys are left, and for how many predictions")
    info.add_argument("archive", type=Path, metavar="FILE", help="the archive")
    for command in (pack, info):
        command.add_argument(
            "--components",
            type=int,
            choices=range(2, 65),
            metavar="K",
            help="tell how many predictions among K the decoys give (default: the bundle's, or 4)",
        )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0."""
    return _info(args.archive, args.components or USUAL) if args.what == "info" else _pack(args)


def _pack(args: argparse.Namespace) -> int:
    spec = reading.spec_of_bundle(args.bundle) if args.bundle else None
    folder = Path(args.images)
    store = Store(args.out)
    try:
        if args.bursts:
            counts = _pack_bursts(store, folder, spec, args.resize)
        else:
            counts = _pack_images(store, args, folder, spec)
        added, seen = 0, 0
        for new, out_of in counts:
            added, seen = added + new, seen + out_of
            _tell(f"\r{seen} images read, {added} added", sys.stderr.isatty())
        _tell("\n", sys.stderr.isatty())
        known = f"; {seen - added} were there already" if seen > added else ""
        _write(f"{args.out}: {added} decoys added{known}.")
        _write(_left(store, args.components or reading.components_of_bundle(args.bundle) or USUAL))
    finally:
        store.close()
    return 0


def _pack_images(
    store: Store, args: argparse.Namespace, folder: Path, spec: ImageSpec | None
) -> Iterator[tuple[int, int]]:
    if folder.is_dir():
        files = reading.image_files(folder)
        wanted = spec or reading.spec_of_file(files[0])
        for some in _chunks(files):
            yield store.add(reading.read(some, wanted, resize=args.resize)), len(some)
        return
    for images in _chunks(reading.data_set(args.images, spec, args.split)):
        yield store.add(images), len(images)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, CHUNK)):
        yield some


def _pack_bursts(
    store: Store, folder: Path, spec: ImageSpec | None, resize: bool
) -> Iterator[tuple[int, int]]:
    if not folder.is_dir():
        raise StoreError(f"--bursts takes a folder of folders of frames; {folder} is none.")
    for frames in reading.bursts(folder):
        wanted = spec or reading.spec_of_file(frames[0])
        yield store.add_burst(reading.read(frames, wanted, resize=resize)), len(frames)


def _left(store: Store, components: int) -> str:
    """What is unused, and how many predictions and films at k it gives."""
    each = components - 1
    single, bursts = store.decoys_left, store.bursts_left
    return (
        f"{single} single decoys are unused: {single // each} predictions of new images among {components}. "
        f"{bursts} bursts are unused: {bursts // each} films."
    )


def _info(archive: Path, components: int) -> int:
    if not archive.is_file():
        raise StoreError(f"There is no archive at {archive}; make one with phasekey decoys pack.")
    store = Store(archive)
    shape = store.image_shape
    size = "no images yet" if shape is None else f"images of {' × '.join(map(str, shape))}"
    _write(f"{archive}: {size}; {store.spent:.4g} nats spent.")
    _write(_left(store, components))
    store.close()
    return 0


def _tell(text: str, shown: bool) -> None:
    if shown:
        sys.stderr.write(text)
        sys.stderr.flush()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
