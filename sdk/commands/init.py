"""``python -m sdk init``: make this device's secret, or put a new one in its place."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sdk.errors import ConfigurationError
from sdk.keeping import SECRET_FILE, data_folder, device_secret, rotate_secret

DESCRIPTION = """\
Make this device's secret: 32 random bytes that only this user can read. It is made at the first prediction
too; this command makes it ahead, checks one that is there, and tells where it lies. It is never printed.
"""
EPILOG = """\
examples:
  python -m sdk init
  python -m sdk init --data-dir /var/lib/camera        (then: PHASEKEY_DATA_DIR=/var/lib/camera)
  python -m sdk init --rotate --yes
"""
ROTATION = """\
A new secret in place of the old one, which is lost for good:
  - An image that was sent before goes out as another x. From the two, a cloud that kept the first can compute
    its feature. Rotate where no image comes again, or where the old secret is known to somebody else.
  - Stores know inputs by the secret: all inputs are new to them, take new decoys and spend nats again.
  - What was sent under the old secret can no longer be undone by whoever steals this device later.
  - Programs that run now keep the old one until they start anew.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        help="where it lies (default: PHASEKEY_DATA_DIR, else the platform's folder for a user's data)",
    )
    parser.add_argument("--rotate", action="store_true", help="put a new one in its place, for good")
    parser.add_argument("--yes", action="store_true", help="do not ask before rotating")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0, or 1 where a person said no.

    Raises:
        PhasekeyError: it cannot be made or read; or nobody is there to ask.
    """
    folder = data_folder(args.data_dir)
    there = (folder / SECRET_FILE).exists()
    if args.rotate and there:
        if not (args.yes or _agreed()):
            return 1
        sys.stdout.write(f"a new secret is in {rotate_secret(folder)}; the old one is gone\n")
        return 0
    device_secret(folder)
    sys.stdout.write(f"{'there already' if there else 'made'}: {folder / SECRET_FILE}\n")
    return 0


def _agreed() -> bool:
    sys.stderr.write(ROTATION)
    if not sys.stdin.isatty():
        raise ConfigurationError("--rotate cannot be undone: say --yes too, where nobody can be asked.")
    sys.stderr.write("Type 'rotate' to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "rotate"
