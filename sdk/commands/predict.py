"""``python -m sdk predict`` and ``phasekey predict``: one line for each image."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

from edge_runtime import EdgeRuntimeError
from phasekey.bundle import PrivacyWarning
from phasekey.command import FAILED
from sdk.client import EdgeClient
from sdk.errors import SdkError

DESCRIPTION = """\
Predict what is on images, with the middle of the network in a cloud that does not see them.
The images are encoded and hidden on this device; only the hidden features are sent.
"""
EPILOG = """\
example:
  python -m sdk predict --bundle build/digits/edge --target 127.0.0.1:8001 photo.png

A secret that lasts over restarts (see --secret-file):
  head -c 32 /dev/urandom > device.secret && chmod 600 device.secret

An image hidden among others of the device's own (networks of --mode anonymous):
  python -m sdk predict --bundle B --target T --secret-file device.secret --decoys decoys.db photo.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="image files (PNG, JPEG, …)")
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, required=True, help="export: build/NAME, or its edge folder"
    )
    parser.add_argument(
        "--target", metavar="HOST:PORT", required=True, help="the server that holds the 'cloud' half"
    )
    parser.add_argument(
        "--resize", action="store_true", help="scale images to the encoder's size instead of refusing them"
    )
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        type=Path,
        help="16 or more random bytes that stay on this device: the same image then always goes out under "
        "the same angle. Without it each run draws a new secret, and a server that gets one image in two "
        "runs can work out its feature",
    )
    parser.add_argument(
        "--decoys",
        metavar="FILE",
        type=Path,
        help="the archive of private images (phasekey decoys pack), for networks of --mode anonymous; goes "
        "with --secret-file. Each new input uses up some of them",
    )
    parser.add_argument(
        "--budget",
        metavar="NATS",
        type=float,
        help="most that new inputs may tell the cloud in all, for networks of --mode bounded; what is spent "
        "is kept in --store, or beside the secret file",
    )
    parser.add_argument("--store", metavar="FILE", type=Path, help="where to keep what is spent")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 if every image was predicted, 2 if one could not be read.

    Raises:
        PhasekeyError: nothing can be predicted: no bundle, no server, no such secret file.
    """
    secret = _read_secret(args.secret_file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)  # said below, in the way of a command
        client = EdgeClient(
            args.bundle,
            args.target,
            secret=secret,
            decoys=args.decoys,
            budget=args.budget,
            store=_store(args),
            resize=args.resize,
        )
    if client.manifest.privacy_warning:
        sys.stderr.write(f"warning: {client.manifest.privacy_warning}\n")
    with client:
        return _print_table(client, args.images)


def _store(args: argparse.Namespace) -> Path | None:
    """Where what is spent is kept: as asked, or beside a secret file that is kept too."""
    beside = args.budget is not None and args.secret_file is not None and args.decoys is None
    return Path(f"{args.secret_file}.db") if args.store is None and beside else args.store


def _read_secret(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SdkError(f"The secret file {path} cannot be read: {error.strerror}.") from error


def _print_table(client: EdgeClient, images: list[Path]) -> int:
    """Print a line for each image as it is done; a broken image costs its own line only."""
    name, label = (
        max(map(len, texts)) for texts in (["image", *map(str, images)], ["label", *client.manifest.labels])
    )
    _write(f"{'image':<{name}}  {'label':<{label}}  probability  time (ms)")
    status = 0
    for path in images:
        started = time.perf_counter()
        try:
            prediction = client.predict(path)
        except EdgeRuntimeError as error:
            sys.stderr.write(f"error: {error}\n")
            status = FAILED
            continue
        elapsed = 1000 * (time.perf_counter() - started)
        probability = float(prediction.probabilities.max())
        _write(f"{path!s:<{name}}  {prediction.labels[0]:<{label}}  {probability:>11.4f}  {elapsed:>9.1f}")
    return status


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
