"""`phasekey sign`: vouch for a bundle, so that devices refuse any other."""

from __future__ import annotations

import argparse
from pathlib import Path

from phasekey.command import require_extra
from phasekey.signing.errors import SigningError

DESCRIPTION = """\
Who swaps the encoder on a device reads everything. A signature over the manifest, which holds the checksums
of the graphs and all else that decides what is sent, lets devices refuse what you did not make:

  EdgeClient(BUNDLE, TARGET, trusted_key="ed25519:...", newer_than=VERSION)

Keep the key away from devices and servers. Sign after the audit, which changes the manifest."""
EPILOG = """\
examples:
  phasekey sign --new-key release.key             (prints the public half, which goes into the app)
  phasekey sign --key release.key build/digits"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--new-key", metavar="FILE", type=Path, help="make a key pair: FILE and FILE.pub")
    what.add_argument("--key", metavar="FILE", type=Path, help="sign with this key")
    parser.add_argument("bundle", metavar="BUNDLE", nargs="?", type=Path, help="export, or its edge folder")
    parser.add_argument(
        "--version-number",
        metavar="N",
        type=int,
        help="a number that rises with every release (default: seconds since 1970)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0.

    Raises:
        PhasekeyError: no key, no bundle, or the extra is missing.
    """
    require_extra("sign", "signing", ["cryptography"])
    from phasekey.signing.keys import load_key, new_key
    from phasekey.signing.sign import sign_bundle

    if (args.bundle is None) == (args.new_key is None):
        raise SigningError("Say either --new-key FILE, or --key FILE BUNDLE.")
    if args.new_key is not None:
        print(new_key(args.new_key))  # noqa: T201
        return 0
    signed = sign_bundle(args.bundle, load_key(args.key), args.version_number)
    print(f"signed  {args.bundle}\nversion {signed.version} ({signed.when})\nkey     {signed.key}")  # noqa: T201
    return 0
