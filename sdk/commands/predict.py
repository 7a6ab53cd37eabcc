"""``python -m sdk predict`` and ``phasekey predict``: one line for each image."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from edge_runtime import EdgeRuntimeError
from phasekey.bundle import PrivacyWarning
from phasekey.command import FAILED
from sdk.client import EdgeClient
from sdk.commands.options import add_bundle, add_network, add_talk, add_trust, config_of
from sdk.commands.output import JsonLines, Progress, Table
from sdk.keeping import EncoderChangedWarning, WeakSecretWarning, read_secret
from sdk.prediction import Prediction, Timings

DESCRIPTION = """\
Predict what is on images, with the middle of the network in a cloud that does not see them.
The images are encoded and hidden on this device; only the hidden features are sent.
"""
EPILOG = """\
example:
  python -m sdk predict --bundle build/digits/edge --target 127.0.0.1:8001 photo.png

The first run makes this device's secret, which later runs use (python -m sdk init --help). Another one:
  python -m sdk predict --bundle B --target T --secret-file mine.secret photo.png

An image hidden among others of the device's own (networks of --mode anonymous):
  python -m sdk predict --bundle B --target T --decoys decoys.db photo.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files (PNG, JPEG, …)")
    add_bundle(parser)
    add_trust(parser)
    add_network(parser)
    add_talk(parser)
    parser.add_argument(
        "--batch-size", metavar="N", type=int, help="images in one request: more is quicker, for many images"
    )
    parser.add_argument(
        "--on-unavailable",
        choices=["raise", "local"],
        help="local: where no server can be reached, compute on this device (export --with-local-fallback)",
    )
    parser.add_argument(
        "--resize", action="store_true", help="scale images to the encoder's size instead of refusing them"
    )
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        type=Path,
        help="16 or more random bytes, in place of this device's own secret. The same image under the same "
        "secret always goes out as the same x; under two secrets it gives its feature away",
    )
    parser.add_argument(
        "--decoys",
        metavar="FILE",
        type=Path,
        help="the archive of private images (phasekey decoys pack), for networks of --mode anonymous. "
        "Each new input uses up some of them",
    )
    parser.add_argument(
        "--budget",
        metavar="NATS",
        type=float,
        help="most that new inputs may tell the cloud in all, for networks of --mode bounded; what is spent "
        "is kept in --store, or beside the secret",
    )
    parser.add_argument("--store", metavar="FILE", type=Path, help="where to keep what is spent")


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 if every image was predicted, 2 if one could not be read.

    Raises:
        PhasekeyError: nothing can be predicted: no bundle, no server, no such secret file.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore", PrivacyWarning)  # said below, in the way of a command
        warnings.simplefilter("always", WeakSecretWarning)
        warnings.simplefilter("always", EncoderChangedWarning)
        secret = None if args.secret_file is None else bytes(read_secret(args.secret_file))
        client = EdgeClient(
            args.bundle,
            config=config_of(args),
            secret=secret,
            trusted_key=args.trusted_key,
            newer_than=args.newer_than,
            decoys=args.decoys,
            budget=args.budget,
            store=_store(args),
            resize=args.resize,
        )
    for warning in said:
        sys.stderr.write(f"warning: {warning.message}\n")
    if client.manifest.privacy_warning and not args.quiet:
        sys.stderr.write(f"warning: {client.manifest.privacy_warning}\n")
    several = client.manifest.network.get("task") == "attributes"
    heading = not args.quiet
    table = (
        JsonLines(several=several)
        if args.json
        else Table(client.manifest.labels, args.images, heading=heading, several=several)
    )
    with client:
        return _predict(client, args, table)


def _predict(client: EdgeClient, args: argparse.Namespace, table: Table | JsonLines) -> int:
    """Say what each image shows as it is done; a broken image costs its own line only."""
    table.begin()
    status, total = 0, Timings()
    progress = Progress(len(args.images), wanted=not args.quiet)
    results = client.predict_stream(args.images, batch=args.batch_size or 1, on_error="return")
    for path, result in zip(args.images, results, strict=True):
        if isinstance(result, Prediction):
            table.add(path, result)
            total += result.timings
        elif isinstance(result, EdgeRuntimeError):
            table.fail(path, result)
            status = FAILED
        else:
            raise result
        progress.step()
    if args.verbose:
        stages = ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in vars(total).items())
        sys.stderr.write(f"milliseconds in all: {stages}\n")
    return status


def _store(args: argparse.Namespace) -> Path | None:
    """Where what is spent is kept: as asked, or beside a secret file that is kept too."""
    beside = args.budget is not None and args.secret_file is not None and args.decoys is None
    return Path(f"{args.secret_file}.db") if args.store is None and beside else args.store
